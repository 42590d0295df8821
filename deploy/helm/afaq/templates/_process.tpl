{{/* A pod that runs `afaq <service> --role <role>`. */}}
{{- define "afaq.pod" -}}
{{- $process := include "afaq.process" . | fromYaml }}
{{- $prefix := printf "AFAQ_%s" (upper .service) }}
{{- $worker := eq .role "worker" }}
{{- $told := dict "whole" .own.secret "databases" (dict "POSTGRES" "app") "meetsKafka" $worker "user" ($worker | ternary .own.kafka nil) }}
{{- $told = merge $told . -}}
metadata:
  labels: {{- include "afaq.selector" . | nindent 4 }}
spec:
  {{- include "afaq.podBase" $told | nindent 2 }}
  # Apart from others of its role, where it can be. Not by topologySpreadConstraints: where nodes name no zone, a preference
  # by zone has the one by node ignored as well.
  affinity:
    podAntiAffinity:
      preferredDuringSchedulingIgnoredDuringExecution:
        {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
        - weight: 100
          podAffinityTerm:
            topologyKey: {{ . }}
            labelSelector: { matchLabels: {{ include "afaq.selector" $ | fromYaml | toJson }} }
        {{- end }}
  # A process ends in order within 10 s; an api answers for 5 s before, until no proxy sends it anything. Not by a hook
  # preStop: the process has to know, so that nobody keeps a connection to it.
  terminationGracePeriodSeconds: 20
  containers:
    - name: afaq
      {{- include "afaq.containerBase" $told | nindent 6 }}
      args: [{{ .service }}, --role, {{ .role }}]
      env:
        {{- include "afaq.env" $told | nindent 8 }}
        - { name: {{ $prefix }}_HOST, value: 0.0.0.0 }
        - { name: {{ $prefix }}_PORT, value: "8080" }
        - { name: AFAQ_LOG_LEVEL, value: {{ .root.Values.logLevel }} }
        - { name: AFAQ_TRACES_SAMPLED_SHARE, value: {{ .root.Values.traces.sampledShare | quote }} }
        {{- with .root.Values.traces.endpoint }}
        - { name: AFAQ_OTLP_ENDPOINT, value: {{ . | quote }} }
        {{- end }}
        {{- if $worker }}
        - { name: AFAQ_INSTANCE, valueFrom: { fieldRef: { fieldPath: metadata.name } } }
        {{- else }}
        - { name: AFAQ_LEAVING_SECONDS, value: "5" }
        {{- end }}
        {{- range $name, $value := .own.env }}
        - { name: {{ $prefix }}_{{ $name }}, value: {{ $value | quote }} }
        {{- end }}
      {{- if eq .root.Values.secretsAs "env" }}
      envFrom:
        - secretRef: { name: {{ .own.secret }} }
      {{- end }}
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
{{- end }}
