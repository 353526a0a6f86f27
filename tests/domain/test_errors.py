"""The sentences of refusals, word for word Google's."""

import pytest

from kumotasks.domain import errors
from kumotasks.domain.errors import KumoError


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (errors.QueueExists, "Queue already exists"),
        (
            errors.QueueNameRetired,
            "The queue cannot be created because a queue with this name existed too recently.",
        ),
        (
            errors.QueueNotFound,
            "Queue does not exist. If you just created the queue, wait at least a minute for the queue to initialize.",
        ),
        (errors.EntityNotFound, "Requested entity was not found."),
        (errors.TaskExists, "Requested entity already exists"),
        (
            errors.TaskNameRetired,
            (
                "The task cannot be created because a task with this name existed too recently. For more information "
                "about task de-duplication see https://cloud.google.com/tasks/docs/reference/rest/v2/"
                "projects.locations.queues.tasks/create#body.request_body.FIELDS.task."
            ),
        ),
        (
            errors.TaskGone,
            (
                "The task no longer exists, though a task with this name existed recently. "
                "The task either successfully completed or was deleted."
            ),
        ),
    ],
)
def test_an_error_says_what_google_says(error: type[KumoError], sentence: str) -> None:
    assert error().message == sentence
    assert str(error()) == sentence


def test_a_denied_project_is_named() -> None:
    denied = errors.ProjectDenied("p-1")
    assert (denied.message, denied.project) == ("Permission denied on resource project p-1.", "p-1")


def test_refused_entries_speak_with_the_words_of_the_first() -> None:
    refused = errors.EntriesRefused({3: errors.InvalidArgument("third"), 1: errors.PermissionDenied("a.b", "c")})
    assert refused.message == errors.PermissionDenied("a.b", "c").message
    assert refused.first is refused.refusals[1]


def test_every_error_has_a_sentence_of_its_own() -> None:
    naming = {errors.ProjectDenied, errors.PermissionDenied, errors.AccountNotFound, errors.AccountExists}
    naming |= {errors.EntriesRefused, errors.ResourceExists, errors.ResourceChanged}
    kinds = [kind for kind in KumoError.__subclasses__() if kind not in naming]
    sentences = [kind().message for kind in kinds]
    assert all(sentences)
    assert len(set(sentences)) == len(kinds)
    assert all("\n" not in sentence and "  " not in sentence for sentence in sentences)


def test_an_argument_carries_its_help_and_its_violations() -> None:
    link, violation = errors.Help("a", "b"), errors.Violation("field", "why")
    refused = errors.InvalidArgument("no", help_link=link, violations=(violation,))
    assert (refused.message, refused.help_link, refused.violations) == ("no", link, (violation,))
    assert errors.InvalidArgument().message == "The request contains an invalid argument."
