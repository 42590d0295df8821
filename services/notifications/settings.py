"""What notifications has to be told."""

from pydantic_settings import SettingsConfigDict

from shared.runtime.settings import ServiceSettings


class NotificationsSettings(ServiceSettings):
    """What every service has to be told, and nothing more yet."""

    model_config = SettingsConfigDict(env_prefix="AFAQ_NOTIFICATIONS_")
