"""What notifications has to be told."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from services.notifications.sms import CompanySettings
from shared.runtime.settings import ServiceSettings


class NotificationsSettings(ServiceSettings):
    """`sms_companies`: who sends short messages, by name. `smtp_security` is `none` on a laptop only."""

    model_config = SettingsConfigDict(env_prefix="AFAQ_NOTIFICATIONS_")

    sms_companies: Mapping[str, CompanySettings] = {}
    smtp_host: str
    smtp_port: int = Field(ge=1, le=65535)
    smtp_username: str
    smtp_password: SecretStr
    smtp_security: Literal["tls", "starttls", "none"] = "starttls"
    smtp_sender: str
