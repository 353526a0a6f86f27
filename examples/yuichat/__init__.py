"""YuiChat: a document is uploaded, and questions about it appear. What Cloud Tasks is for, as an application."""
