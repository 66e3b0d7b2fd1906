{{/*
A Deployment, StatefulSet or Knative Service with the sidecar in its pods, as YAML:

  {{ include "plumbline.inject" (dict "values" (index .Values "plumbline-sidecar") "manifest" $manifest) }}

The same as `plumb k8s render --into FILE`.
*/}}
{{- define "plumbline.inject" -}}
{{- $values := .values -}}
{{- $manifest := deepCopy .manifest -}}
{{- $template := $manifest.spec.template -}}
{{- $pod := $template.spec -}}
{{- $knative := hasPrefix "serving.knative.dev/" (default "" $manifest.apiVersion) -}}
{{- if ne $knative (eq $values.mode "knative") -}}
{{- fail (printf "%s: mode is %s, and knative is the mode of a Service of serving.knative.dev, and of it alone" $manifest.kind $values.mode) -}}
{{- end -}}
{{- if and (eq $manifest.kind "Job") (ne $values.mode "native") -}}
{{- fail (printf "Job: mode is %s, with which it would never end: set mode: native" $values.mode) -}}
{{- end -}}
{{- range concat (default list $pod.containers) (default list $pod.initContainers) -}}
{{- if eq .name "plumbline" -}}{{- fail "the pods have a container plumbline already" -}}{{- end -}}
{{- end -}}
{{- $graceSeconds := ternary $values.graceSeconds (default $values.graceSeconds $pod.terminationGracePeriodSeconds) $knative -}}
{{- $container := include "plumbline.sidecar.container" (merge (dict "graceSeconds" $graceSeconds) $values) | fromYaml -}}
{{- if eq $values.mode "native" -}}
{{- $_ := set $pod "initContainers" (append (default list $pod.initContainers) $container) -}}
{{- else -}}
{{- $_ := set $pod "containers" (append (default list $pod.containers) $container) -}}
{{- end -}}
{{- $_ := set $pod "volumes" (concat (default list $pod.volumes) (include "plumbline.sidecar.volumes" $values | fromYamlArray)) -}}
{{- if and (ne $values.mode "knative") (not (hasKey $pod "terminationGracePeriodSeconds")) -}}
{{- $_ := set $pod "terminationGracePeriodSeconds" $values.graceSeconds -}}
{{- end -}}
{{- range $values.imagePullSecrets -}}
{{- $_ := set $pod "imagePullSecrets" (append (default list $pod.imagePullSecrets) (dict "name" .)) -}}
{{- end -}}
{{- $metadata := default dict $template.metadata -}}
{{- $_ := set $metadata "labels" (merge (dict "plumbline-sidecar" "true") (default dict $metadata.labels)) -}}
{{- $_ := set $template "metadata" $metadata -}}
{{- toYaml $manifest -}}
{{- end -}}

{{- define "plumbline.sidecar.env" -}}
{{- $env := deepCopy .env -}}
{{- $_ := set $env "PLUMB_SERVE_ADMIN_PORT" (toString .adminPort) -}}
{{- $_ := set $env "PLUMB_SERVE_GRACE_MS" (printf "%d000" (int .graceSeconds)) -}}
{{- if eq .mode "native" -}}
{{- $_ := set $env "PLUMB_SERVE_DRAIN_MS" "0" -}}
{{- end -}}
{{- range $name, $value := $env }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- if ne .mode "knative" }}
- name: POD_UID
  valueFrom:
    fieldRef:
      fieldPath: metadata.uid
{{- end }}
{{- end -}}

{{- define "plumbline.sidecar.container" -}}
name: plumbline
image: {{ .image }}
imagePullPolicy: {{ .imagePullPolicy }}
args: [serve]
{{- if eq .mode "native" }}
restartPolicy: Always
{{- end }}
env: {{- include "plumbline.sidecar.env" . | nindent 2 }}
{{- with .secrets }}
envFrom:
{{- range . }}
  - secretRef:
      name: {{ . }}
{{- end }}
{{- end }}
{{- if ne .mode "knative" }}
ports:
  - name: plumb-admin
    containerPort: {{ .adminPort }}
startupProbe:
  httpGet: { path: /readyz, port: {{ .adminPort }} }
  periodSeconds: 1
  timeoutSeconds: 2
  failureThreshold: 90
livenessProbe:
  httpGet: { path: /livez, port: {{ .adminPort }} }
  periodSeconds: 10
  timeoutSeconds: 2
  failureThreshold: 3
readinessProbe:
  httpGet: { path: /readyz, port: {{ .adminPort }} }
  periodSeconds: 2
  timeoutSeconds: 2
  failureThreshold: 2
{{- end }}
resources: {{- toYaml .resources | nindent 2 }}
securityContext:
  allowPrivilegeEscalation: false
  capabilities: { drop: [ALL] }
  readOnlyRootFilesystem: true
  runAsGroup: 1000
  runAsNonRoot: true
  runAsUser: 1000
  seccompProfile: { type: RuntimeDefault }
volumeMounts:
  - { name: plumbline-settings, mountPath: /project, readOnly: true }
  - { name: plumbline-spool, mountPath: /spool }
  - { name: plumbline-tmp, mountPath: /tmp }
{{- with .volumeMounts }}
{{ toYaml . | indent 2 }}
{{- end }}
{{- end -}}

{{- define "plumbline.sidecar.volumes" -}}
- name: plumbline-settings
  configMap: { name: {{ .configMap }} }
- name: plumbline-spool
{{- if .spool.claim }}
  persistentVolumeClaim: { claimName: {{ .spool.claim }} }
{{- else }}
  emptyDir: { sizeLimit: {{ .spool.size }} }
{{- end }}
- name: plumbline-tmp
  emptyDir: {}
{{- with .volumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}
