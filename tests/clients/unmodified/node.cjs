// A program for Google Cloud Tasks: it names no endpoint. Arguments: queue id, URL of the worker.
const { CloudTasksClient } = require("@google-cloud/tasks");

async function main(queue, url) {
  const client = new CloudTasksClient();
  const project = await client.getProjectId();
  const parent = client.queuePath(project, "us-central1", queue);
  await client.createQueue({ parent: `projects/${project}/locations/us-central1`, queue: { name: parent } });
  const httpRequest = { httpMethod: "POST", url, body: Buffer.from("hello").toString("base64") };
  const [task] = await client.createTask({ parent, task: { httpRequest } });
  console.log(task.name);
}

main(...process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exit(1);
});
