"""The projects surface: Resource Manager, Service Usage and the App Engine application, each by its own table."""
