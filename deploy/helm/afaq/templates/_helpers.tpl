{{/*
What makes a pod is given a dict: `root` (the release), `service` (its name), `own` (its values) and `role`; what a pod
is told in secret are `whole` (a Secret whose keys are variables), `databases` (by variable, for whom the address is)
and `user` (at Kafka).
*/}}

{{- define "afaq.name" -}}
{{ .root.Release.Name }}-{{ .service }}-{{ .role }}
{{- end }}

{{- define "afaq.selector" -}}
app.kubernetes.io/name: afaq
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .service }}
afaq/role: {{ .role }}
{{- end }}

{{- define "afaq.labels" -}}
{{ include "afaq.selector" . }}
app.kubernetes.io/version: {{ .root.Values.image.tag | default .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end }}

{{/* What a role's processes of this service are given: the role's values, and over them the service's own. */}}
{{- define "afaq.process" -}}
{{ mergeOverwrite (deepCopy (get .root.Values .role)) (deepCopy (get .own .role | default dict)) | toYaml }}
{{- end }}

{{/* The single secrets of a pod: each with its variable, its Secret and the key there. */}}
{{- define "afaq.secrets" -}}
secrets:
  {{- range $variable, $for := .databases }}
  {{- with get $.own.database $for }}
  - { variable: AFAQ_{{ upper $.service }}_{{ $variable }}_DSN, secret: {{ .secret }}, key: {{ .key }} }
  {{- end }}
  {{- end }}
  {{- with .user }}
  - { variable: AFAQ_KAFKA_PASSWORD, secret: {{ .secret }}, key: {{ .key }} }
  {{- end }}
{{- end }}

{{/* Not empty where this pod has secrets, and they are files. */}}
{{- define "afaq.secretFiles" -}}
{{- $any := or .whole (include "afaq.secrets" . | fromYaml).secrets }}
{{- if and $any (eq .root.Values.secretsAs "files") }}yes{{ end }}
{{- end }}

{{/* Whose certificate the database of this pod must have: a Secret and a key there, or nothing. */}}
{{- define "afaq.databaseCa" -}}
{{- if .databases }}{{ .own.database.ca | default dict | toYaml }}{{ end }}
{{- end }}

{{- define "afaq.volumes" -}}
- name: tmp
  emptyDir: { sizeLimit: 64Mi }
{{- if include "afaq.secretFiles" . }}
- name: secrets
  projected:
    sources:
      {{- with .whole }}
      - secret: { name: {{ . }} }
      {{- end }}
      {{- range (include "afaq.secrets" . | fromYaml).secrets }}
      - secret: { name: {{ .secret }}, items: [{ key: {{ .key }}, path: {{ .variable }} }] }
      {{- end }}
{{- end }}
{{- with .root.Values.kafka.ca }}
{{- if and .secret $.meetsKafka }}
- name: kafka
  secret: { secretName: {{ .secret }}, items: [{ key: {{ .key }}, path: ca.crt }] }
{{- end }}
{{- end }}
{{- with (include "afaq.databaseCa" . | fromYaml) }}
- name: database
  secret: { secretName: {{ .secret }}, items: [{ key: {{ .key }}, path: ca.crt }] }
{{- end }}
{{- end }}

{{- define "afaq.volumeMounts" -}}
- { name: tmp, mountPath: /tmp }
{{- if include "afaq.secretFiles" . }}
- { name: secrets, mountPath: /run/secrets/afaq, readOnly: true }
{{- end }}
{{- if and .root.Values.kafka.ca.secret .meetsKafka }}
- { name: kafka, mountPath: /etc/afaq/kafka, readOnly: true }
{{- end }}
{{- if include "afaq.databaseCa" . | fromYaml }}
- { name: database, mountPath: /etc/afaq/database, readOnly: true }
{{- end }}
{{- end }}

{{/* Where Kafka is, as whom this pod goes there, and what it is told in secret. */}}
{{- define "afaq.env" -}}
- { name: AFAQ_KAFKA_BOOTSTRAP, value: {{ .root.Values.kafka.bootstrap | quote }} }
{{- if and .root.Values.kafka.ca.secret .meetsKafka }}
- { name: AFAQ_KAFKA_CA_FILE, value: /etc/afaq/kafka/ca.crt }
{{- end }}
{{- with .user }}
- { name: AFAQ_KAFKA_USERNAME, value: {{ .username | quote }} }
{{- end }}
{{- if include "afaq.databaseCa" . | fromYaml }}
- { name: PGSSLMODE, value: verify-full }
- { name: PGSSLROOTCERT, value: /etc/afaq/database/ca.crt }
{{- end }}
{{- if include "afaq.secretFiles" . }}
- { name: AFAQ_SECRETS_DIRECTORY, value: /run/secrets/afaq }
{{- else }}
{{- range (include "afaq.secrets" . | fromYaml).secrets }}
- { name: {{ .variable }}, valueFrom: { secretKeyRef: { name: {{ .secret }}, key: {{ .key }} } } }
{{- end }}
{{- end }}
{{- end }}

{{/* What every pod has: the profile "restricted", and nothing of the cluster's. */}}
{{- define "afaq.podBase" -}}
automountServiceAccountToken: false
serviceAccountName: {{ .root.Values.serviceAccountName }}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  seccompProfile: { type: RuntimeDefault }
volumes: {{- include "afaq.volumes" . | nindent 2 }}
{{- end }}

{{- define "afaq.containerBase" -}}
image: "{{ .root.Values.image.repository }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}"
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL] }
volumeMounts: {{- include "afaq.volumeMounts" . | nindent 2 }}
{{- end }}
