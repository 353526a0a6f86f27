"""Resource names: what is one, what it means, and each refusal in Google's words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumotasks.domain import names
from kumotasks.domain.errors import Help, InvalidArgument
from kumotasks.domain.names import LocationName, QueueName

PARENT = LocationName("p", "us-central1")
QUEUE = names.parse_queue("projects/p/locations/us-central1/queues/q")
WHOLE_QUEUE_FORMAT = 'Queue name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>/queues/<QUEUE_ID>".'
WHOLE_TASK_FORMAT = (
    'Task name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>/queues/<QUEUE_ID>/tasks/<TASK_ID>"'
)


@pytest.mark.parametrize(
    "queue",
    [
        "projects/p/locations/us-central1/queues/q",
        "projects/example.com:app/locations/l/queues/Q-1",
        "projects/123456789/locations/europe-west1/queues/" + "q" * 100,
    ],
)
def test_a_queue_name_is_taken_apart_and_printed_again(queue: str) -> None:
    name = names.parse_queue(queue)
    assert str(name) == queue == f"{name.parent}/queues/{name.queue}"
    assert names.parse_new_queue(queue, name.parent) == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        "q",
        "projects/p/locations/l/queues/",
        "projects/p/locations/l/queues/under_score",
        "projects/p/locations/l/queues/dot.ted",
        "projects/p/locations/l/queues/" + "q" * 101,
        "projects/p/locations/L/queues/q",
        "projects//locations/l/queues/q",
        "projects/p/locations/l/queues/q/tasks/t",
        "projects/p/locations/l/queues/q/",
        "projects/p/locations/l/queues/q\n",
        "/projects/p/locations/l/queues/q",
        "projects/p q/locations/l/queues/q",
        "projects/p/locations/l/queues/ü",
    ],
)
def test_what_is_no_queue_name_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument) as referred:
        names.parse_queue(text)
    assert referred.value.message == "Invalid resource field value in the request."
    with pytest.raises(InvalidArgument) as created:
        names.parse_new_queue(text, PARENT)
    assert created.value.message == WHOLE_QUEUE_FORMAT
    assert created.value.help_link == Help(
        "Definition of queue name",
        "https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues#Queue.FIELDS.name",
    )


def test_a_new_queue_lies_under_its_parent() -> None:
    with pytest.raises(InvalidArgument) as refused:
        names.parse_new_queue("projects/p/locations/europe-west1/queues/q", PARENT)
    assert refused.value.message == (
        "projects/p/locations/europe-west1/queues/q must begin with projects/p/locations/us-central1."
    )


@pytest.mark.parametrize("task", ["t", "0123456789" * 2, "a_b-C", "x" * 500])
def test_a_task_name_is_taken_apart_and_printed_again(task: str) -> None:
    text = f"{QUEUE}/tasks/{task}"
    name = names.parse_task(text)
    assert (name.queue, name.task, str(name)) == (QUEUE, task, text)
    assert names.parse_new_task(text, QUEUE) == name


@pytest.mark.parametrize("task", ["", "a b", "a.b", "x" * 501, "ü", "a\n", "%41"])
def test_a_bad_task_id_is_refused_and_explained(task: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        names.parse_new_task(f"{QUEUE}/tasks/{task}", QUEUE)
    assert refused.value.message == (
        f'Task ID "{task}" can contain only letters ([A-Za-z]), numbers ([0-9]), hyphens (-), or underscores (_). '
        "Task ID must between 1 and 500 characters."
    )
    assert refused.value.help_link == Help(
        "Definition of task ID",
        "https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues.tasks#Task.FIELDS.name",
    )
    with pytest.raises(InvalidArgument, match=r"^Invalid resource field value in the request\.$"):
        names.parse_task(f"{QUEUE}/tasks/{task}")


@pytest.mark.parametrize("text", ["t", f"{QUEUE}", f"{QUEUE}/tasks/a/b", f"{QUEUE}/task/a", "projects/p/tasks/t"])
def test_what_is_no_task_name_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        names.parse_new_task(text, QUEUE)
    assert refused.value.message == WHOLE_TASK_FORMAT
    with pytest.raises(InvalidArgument, match=r"^Invalid resource field value in the request\.$"):
        names.parse_task(text)


def test_a_new_task_lies_in_the_queue_of_the_request() -> None:
    with pytest.raises(InvalidArgument) as refused:
        names.parse_new_task("projects/p/locations/us-central1/queues/other/tasks/t", QUEUE)
    assert refused.value.message == (
        "The queue name from request ('projects/p/locations/us-central1/queues/q') must be the same as "
        "the queue name in the named task ('projects/p/locations/us-central1/queues/other')."
    )


@pytest.mark.parametrize("one_character", ["projects/p", "projects/a-b.c:d"])
def test_a_project_is_any_well_formed_id(one_character: str) -> None:
    assert f"projects/{names.parse_project(one_character)}" == one_character


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (names.parse_project, "projects/"),
        (names.parse_project, "projects/p/x"),
        (names.parse_location, "projects/p"),
        (names.parse_location, "projects/p/locations/"),
        (names.parse_location, "projects/p/locations/a_b"),
        (names.parse_cmek_config, "projects/p/locations/l/cmek"),
        (names.parse_operation, "projects/p/locations/l/operations/"),
        (names.parse_operation, "projects/p/locations/l/operations/a/b"),
    ],
)
def test_other_names_are_refused_alike(parse: object, text: str) -> None:
    assert callable(parse)
    with pytest.raises(InvalidArgument, match=r"^Invalid resource field value in the request\.$"):
        parse(text)


def test_singletons_and_operations_name_their_location() -> None:
    assert names.parse_cmek_config("projects/p/locations/us-central1/cmekConfig") == PARENT
    assert names.parse_operation("projects/p/locations/us-central1/operations/o-1") == (PARENT, "o-1")


_PROJECTS = st.from_regex(r"[A-Za-z0-9:.\-]{1,30}", fullmatch=True)
_LOCATIONS = st.from_regex(r"[a-z0-9\-]{1,20}", fullmatch=True)
_QUEUES = st.from_regex(r"[A-Za-z0-9\-]{1,100}", fullmatch=True)
_TASKS = st.from_regex(r"[A-Za-z0-9_\-]{1,500}", fullmatch=True)


@given(_PROJECTS, _LOCATIONS, _QUEUES, _TASKS)
def test_every_well_formed_name_is_read_back(project: str, location: str, queue: str, task: str) -> None:
    text = f"projects/{project}/locations/{location}/queues/{queue}"
    name = names.parse_task(f"{text}/tasks/{task}")
    assert name.queue == QueueName(project, location, queue, text)
    assert hash(name.queue) == hash(QueueName(project, location, queue, text))
    assert str(name) == f"{text}/tasks/{task}"


@given(
    st.text(max_size=80) | st.builds("projects/{}/locations/{}/queues/{}/tasks/{}".format, *[st.text(max_size=9)] * 4)
)
def test_any_text_is_a_name_or_a_refusal(text: str) -> None:
    for parse in (names.parse_project, names.parse_location, names.parse_queue, names.parse_task):
        try:
            answer = str(parse(text))
        except InvalidArgument:
            continue
        assert text.endswith(answer)
