variable "kubeconfig" {
  description = "File with the access to the cluster."
  type        = string
}

variable "namespace" {
  description = "Namespace, which is created."
  type        = string
  default     = "locution"
}

variable "image_registry" {
  description = "Registry and path before the images' names."
  type        = string
}

variable "s3_endpoint" {
  description = "S3 server, as host:port."
  type        = string
}

variable "s3_access_key" {
  description = "Access key id of the account."
  type        = string
}

variable "s3_secret_key" {
  description = "Secret key of the account."
  type        = string
  sensitive   = true
}

variable "postgres_urls" {
  description = "Postgres URLs: of the role that owns the schemas, and of those of api, worker and registry."
  type = object({
    owner    = string
    gateway  = string
    worker   = string
    registry = string
  })
  sensitive = true
}
