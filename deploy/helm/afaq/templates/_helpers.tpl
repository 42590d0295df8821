{{/* The processes' templates are given a dict: `root` (the release), `service` (its name), `own` (its values), `role`. */}}

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

{{/* Whether this pod talks to Kafka: an api never does. */}}
{{- define "afaq.trustsKafka" -}}
{{ if and .root.Values.kafka.ca.secret (has .role (list "worker" "topics")) }}true{{ end }}
{{- end }}

{{/* What every pod and container has: the profile "restricted", and files. */}}
{{- define "afaq.podBase" -}}
automountServiceAccountToken: false
serviceAccountName: {{ .root.Values.serviceAccountName }}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  seccompProfile: { type: RuntimeDefault }
volumes:
  - name: tmp
    emptyDir: { sizeLimit: 64Mi }
  {{- if include "afaq.trustsKafka" . }}
  - name: kafka-ca
    secret:
      secretName: {{ .root.Values.kafka.ca.secret }}
      items: [{ key: {{ .root.Values.kafka.ca.key }}, path: ca.crt }]
  {{- end }}
{{- end }}

{{- define "afaq.containerBase" -}}
image: "{{ .root.Values.image.repository }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}"
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL] }
volumeMounts:
  - { name: tmp, mountPath: /tmp }
  {{- if include "afaq.trustsKafka" . }}
  - { name: kafka-ca, mountPath: /etc/afaq/kafka, readOnly: true }
  {{- end }}
{{- end }}

{{/* Where Kafka is, and as whom this pod goes there: `user` is a user's name and the Secret of its password. */}}
{{- define "afaq.kafka" -}}
- { name: AFAQ_KAFKA_BOOTSTRAP, value: {{ .root.Values.kafka.bootstrap | quote }} }
{{- if include "afaq.trustsKafka" . }}
- { name: AFAQ_KAFKA_CA_FILE, value: /etc/afaq/kafka/ca.crt }
{{- with .user }}
- { name: AFAQ_KAFKA_USERNAME, value: {{ .username | quote }} }
- name: AFAQ_KAFKA_PASSWORD
  valueFrom: { secretKeyRef: { name: {{ .secret }}, key: {{ .key }} } }
{{- end }}
{{- end }}
{{- end }}

{{/* The address of the service's database for the role `as` (app, owner), in the variable for the role `variable`. */}}
{{- define "afaq.database" -}}
- name: AFAQ_{{ upper .service }}_{{ .variable }}_DSN
  valueFrom:
    secretKeyRef: { name: {{ (get .own.database .as).secret }}, key: {{ (get .own.database .as).key }} }
{{- end }}

{{/* A pod that runs `afaq <service> --role <role>`. */}}
{{- define "afaq.pod" -}}
{{- $process := include "afaq.process" . | fromYaml -}}
{{- $prefix := printf "AFAQ_%s" (upper .service) -}}
metadata:
  labels: {{- include "afaq.selector" . | nindent 4 }}
spec:
  {{- include "afaq.podBase" . | nindent 2 }}
  topologySpreadConstraints:
    {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
    - maxSkew: 1
      topologyKey: {{ . }}
      whenUnsatisfiable: ScheduleAnyway
      labelSelector: { matchLabels: {{ include "afaq.selector" $ | fromYaml | toJson }} }
    {{- end }}
  # A process ends in order within 10 s; an api takes requests for 5 s more, until no proxy sends it any.
  terminationGracePeriodSeconds: 20
  containers:
    - name: afaq
      {{- include "afaq.containerBase" . | nindent 6 }}
      args: [{{ .service }}, --role, {{ .role }}]
      env:
        {{- include "afaq.kafka" (merge (dict "user" .own.kafka) .) | nindent 8 }}
        {{- include "afaq.database" (merge (dict "as" "app" "variable" "POSTGRES") .) | nindent 8 }}
        - { name: {{ $prefix }}_HOST, value: 0.0.0.0 }
        - { name: {{ $prefix }}_PORT, value: "8080" }
        - { name: AFAQ_LOG_LEVEL, value: {{ .root.Values.logLevel }} }
        - { name: AFAQ_TRACES_SAMPLED_SHARE, value: {{ .root.Values.traces.sampledShare | quote }} }
        {{- with .root.Values.traces.endpoint }}
        - { name: AFAQ_OTLP_ENDPOINT, value: {{ . | quote }} }
        {{- end }}
        {{- if eq .role "worker" }}
        - name: AFAQ_INSTANCE
          valueFrom: { fieldRef: { fieldPath: metadata.name } }
        {{- end }}
        {{- range $name, $value := .own.env }}
        - { name: {{ $prefix }}_{{ $name }}, value: {{ $value | quote }} }
        {{- end }}
      envFrom:
        - secretRef: { name: {{ .own.secret }} }
      ports:
        - { name: http, containerPort: 8080 }
      resources: {{- toYaml $process.resources | nindent 8 }}
      # It waits for its database before it answers anything: to kill it for that would help nobody.
      startupProbe:
        httpGet: { path: /health/live, port: http }
        periodSeconds: 2
        failureThreshold: 150
      livenessProbe:
        httpGet: { path: /health/live, port: http }
        timeoutSeconds: 5
      readinessProbe:
        httpGet: { path: /health/ready, port: http }
        periodSeconds: 5
        timeoutSeconds: 3
        failureThreshold: 2
      {{- if eq .role "api" }}
      lifecycle: { preStop: { sleep: { seconds: 5 } } }
      {{- end }}
{{- end }}

{{/* The Job of a hook: it runs `command` before the release's processes are made or changed. */}}
{{- define "afaq.hook" -}}
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ include "afaq.name" . }}
  labels: {{- include "afaq.labels" . | nindent 4 }}
  annotations:
    helm.sh/hook: pre-install,pre-upgrade
    helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
spec:
  backoffLimit: 3
  activeDeadlineSeconds: 600
  template:
    metadata:
      labels: {{- include "afaq.selector" . | nindent 8 }}
    spec:
      restartPolicy: Never
      {{- include "afaq.podBase" . | nindent 6 }}
      containers:
        - name: afaq
          {{- include "afaq.containerBase" . | nindent 10 }}
          args: {{ toJson .args }}
          env: {{- .env | nindent 12 }}
          resources: {{- toYaml .root.Values.hooks.resources | nindent 12 }}
{{- end }}
