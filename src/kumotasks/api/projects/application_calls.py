"""The App Engine Admin API: the application that every project has. Nothing is deployed to it here."""

from __future__ import annotations

from typing import NoReturn

from kumotasks.api.call import Caller
from kumotasks.api.projects import messages as m
from kumotasks.domain.errors import ApplicationExists, EntityNotFound
from kumotasks.service.projects import Application, Applications


class ApplicationCalls:
    def __init__(self, applications: Applications) -> None:
        self._applications = applications

    async def get(self, request: m.AppRequest, caller: Caller) -> m.App:
        return _app(await self._applications.get(request.app))

    async def create(self, request: m.NewAppRequest, caller: Caller) -> NoReturn:
        raise ApplicationExists

    async def find_nothing(self, request: m.AppPartRequest, caller: Caller) -> NoReturn:
        """An application has no services, versions or operations here."""
        await self._applications.get(request.app)
        raise EntityNotFound


def _app(application: Application) -> m.App:
    project = application.project
    return m.App(
        name=f"apps/{project}",
        id=project,
        auth_domain="gmail.com",
        location_id=application.location,
        code_bucket=f"staging.{project}.appspot.com",
        serving_status="SERVING",
        default_hostname=application.hostname,
        default_bucket=f"{project}.appspot.com",
        service_account=f"{project}@appspot.gserviceaccount.com",
        gcr_domain="us.gcr.io",
        database_type="CLOUD_DATASTORE_COMPATIBILITY",
        feature_settings=m.FeatureSettings(split_health_checks=True, use_container_optimized_os=True),
    )
