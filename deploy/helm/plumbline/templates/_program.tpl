{{- define "plumbline.labels" -}}
app.kubernetes.io/name: plumbline
app.kubernetes.io/instance: {{ .values.name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "plumbline.hardened" -}}
allowPrivilegeEscalation: false
capabilities: { drop: [ALL] }
readOnlyRootFilesystem: true
runAsGroup: 1000
runAsNonRoot: true
runAsUser: 1000
seccompProfile: { type: RuntimeDefault }
{{- end -}}

{{/* A pod's template that runs one command: values, component, args, resources, env, restartPolicy, more, mounts. */}}
{{- define "plumbline.template" -}}
{{- $values := .values -}}
metadata:
  labels: {{- include "plumbline.labels" . | nindent 4 }}
  annotations:
    plumbline-settings: {{ sha256sum $values.settings }}
spec:
  {{- with .restartPolicy }}
  restartPolicy: {{ . }}
  {{- end }}
  {{- with $values.imagePullSecrets }}
  imagePullSecrets:
    {{- range . }}
    - name: {{ . }}
    {{- end }}
  {{- end }}
  automountServiceAccountToken: false
  serviceAccountName: {{ $values.name }}
  securityContext: { fsGroup: 1000, fsGroupChangePolicy: OnRootMismatch }
  terminationGracePeriodSeconds: 60
  containers:
    - name: {{ .component }}
      image: {{ $values.image }}
      imagePullPolicy: {{ $values.imagePullPolicy }}
      args: {{- toYaml .args | nindent 8 }}
      env:
        {{- range $name, $value := merge (default dict .env) $values.env }}
        - name: {{ $name }}
          value: {{ $value | quote }}
        {{- end }}
      {{- with $values.secrets }}
      envFrom:
        {{- range . }}
        - secretRef: { name: {{ . }} }
        {{- end }}
      {{- end }}
      {{- with .more }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
      resources: {{- toYaml .resources | nindent 8 }}
      securityContext: {{- include "plumbline.hardened" . | nindent 8 }}
      volumeMounts:
        - { name: settings, mountPath: /project/plumbline.yaml, subPath: plumbline.yaml, readOnly: true }
        - { name: data, mountPath: /project/.plumb }
        - { name: tmp, mountPath: /tmp }
        {{- with .mounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
        {{- with $values.volumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    - name: settings
      configMap: { name: {{ $values.name }} }
    - name: data
      persistentVolumeClaim: { claimName: {{ default (printf "%s-data" $values.name) $values.data.claim }} }
    - name: tmp
      emptyDir: {}
    {{- with $values.volumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}

{{/* The object's name and labels: values, component, labels. */}}
{{- define "plumbline.metadata" -}}
name: {{ .values.name }}-{{ .component }}
labels: {{- merge (include "plumbline.labels" . | fromYaml) (default dict .labels) | toYaml | nindent 2 }}
{{- end -}}

{{/* One process; the old one ends before the new one starts. */}}
{{- define "plumbline.single" -}}
apiVersion: apps/v1
kind: Deployment
metadata: {{- include "plumbline.metadata" . | nindent 2 }}
spec:
  replicas: 1
  strategy: { type: Recreate }
  selector:
    matchLabels: {{- include "plumbline.labels" . | nindent 6 }}
  template: {{- include "plumbline.template" . | nindent 4 }}
{{- end -}}

{{/* A job by the clock; exit codes 1 to 3 are the same at the next try. */}}
{{- define "plumbline.cronJob" -}}
apiVersion: batch/v1
kind: CronJob
metadata: {{- include "plumbline.metadata" . | nindent 2 }}
spec:
  schedule: {{ .schedule | quote }}
  timeZone: Etc/UTC
  concurrencyPolicy: Forbid
  startingDeadlineSeconds: 3600
  successfulJobsHistoryLimit: 3
  failedJobsHistoryLimit: 7
  jobTemplate:
    spec:
      activeDeadlineSeconds: 86400
      backoffLimit: 3
      podFailurePolicy:
        rules:
          - action: FailJob
            onExitCodes: { containerName: {{ .component }}, operator: In, values: [1, 2, 3] }
      template: {{- include "plumbline.template" (merge (dict "restartPolicy" "Never") .) | nindent 8 }}
{{- end -}}
