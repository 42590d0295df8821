"""Runs inside the cluster, with the administrator's certificate: gives the administrator a password as well."""

import os

from confluent_kafka.admin import AdminClient, ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion

from shared.messaging.access import librdkafka_options
from shared.messaging.brokers import Brokers
from shared.runtime.settings import read_secret_files

read_secret_files(os.environ)
kind = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 8192)
user = UserScramCredentialUpsertion("admin", kind, os.environ["ADMIN_PASSWORD"].encode())
admin = AdminClient(librdkafka_options(Brokers()))
for answer in admin.alter_user_scram_credentials([user]).values():
    answer.result(timeout=20)
