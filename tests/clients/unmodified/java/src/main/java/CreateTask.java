import com.google.cloud.tasks.v2.CloudTasksClient;
import com.google.cloud.tasks.v2.HttpMethod;
import com.google.cloud.tasks.v2.HttpRequest;
import com.google.cloud.tasks.v2.LocationName;
import com.google.cloud.tasks.v2.Queue;
import com.google.cloud.tasks.v2.QueueName;
import com.google.cloud.tasks.v2.Task;
import com.google.protobuf.ByteString;

/** A program for Google Cloud Tasks: it names no endpoint. Arguments: queue id, URL of the worker. */
public final class CreateTask {
  public static void main(String[] arguments) throws Exception {
    String project = System.getenv("GOOGLE_CLOUD_PROJECT");
    QueueName parent = QueueName.of(project, "us-central1", arguments[0]);
    try (CloudTasksClient client = CloudTasksClient.create()) {
      client.createQueue(
          LocationName.of(project, "us-central1"), Queue.newBuilder().setName(parent.toString()).build());
      HttpRequest request =
          HttpRequest.newBuilder()
              .setHttpMethod(HttpMethod.POST)
              .setUrl(arguments[1])
              .setBody(ByteString.copyFromUtf8("hello"))
              .build();
      System.out.println(client.createTask(parent, Task.newBuilder().setHttpRequest(request).build()).getName());
    }
  }
}
