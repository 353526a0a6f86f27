// A program for Google Cloud Tasks: it names no endpoint. Arguments: queue id, URL of the worker.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	cloudtasks "cloud.google.com/go/cloudtasks/apiv2"
	"cloud.google.com/go/cloudtasks/apiv2/cloudtaskspb"
)

func main() {
	ctx := context.Background()
	client, err := cloudtasks.NewClient(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	place := fmt.Sprintf("projects/%s/locations/us-central1", os.Getenv("GOOGLE_CLOUD_PROJECT"))
	parent := place + "/queues/" + os.Args[1]
	queue := &cloudtaskspb.CreateQueueRequest{Parent: place, Queue: &cloudtaskspb.Queue{Name: parent}}
	if _, err := client.CreateQueue(ctx, queue); err != nil {
		log.Fatal(err)
	}
	task, err := client.CreateTask(ctx, &cloudtaskspb.CreateTaskRequest{
		Parent: parent,
		Task: &cloudtaskspb.Task{MessageType: &cloudtaskspb.Task_HttpRequest{HttpRequest: &cloudtaskspb.HttpRequest{
			HttpMethod: cloudtaskspb.HttpMethod_POST,
			Url:        os.Args[2],
			Body:       []byte("hello"),
		}}},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(task.GetName())
}
