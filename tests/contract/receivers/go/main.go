// Verifies a delivery: reads {"headers", "body", "secret", "public_key"} and prints what each signature tells.
package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"log"
	"net/http"
	"os"
	"strings"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

type given struct {
	Headers   map[string]string `json:"headers"`
	Body      string            `json:"body"`
	Secret    string            `json:"secret"`
	PublicKey string            `json:"public_key"`
}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func main() {
	var delivery given
	if err := json.NewDecoder(os.Stdin).Decode(&delivery); err != nil {
		log.Fatal(err)
	}
	headers := http.Header{}
	for name, value := range delivery.Headers {
		headers.Set(name, value)
	}
	webhook := must(standardwebhooks.NewWebhook(delivery.Secret))
	if err := webhook.Verify([]byte(delivery.Body), headers); err != nil {
		log.Fatal(err)
	}
	var told struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal([]byte(delivery.Body), &told); err != nil {
		log.Fatal(err)
	}

	key := ed25519.PublicKey(must(base64.StdEncoding.DecodeString(strings.TrimPrefix(delivery.PublicKey, "whpk_"))))
	signed := []byte(headers.Get("webhook-id") + "." + headers.Get("webhook-timestamp") + "." + delivery.Body)
	valid := false
	for _, each := range strings.Split(headers.Get("webhook-signature"), " ") {
		version, text, _ := strings.Cut(each, ",")
		if version == "v1a" && ed25519.Verify(key, signed, must(base64.StdEncoding.DecodeString(text))) {
			valid = true
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(map[string]any{"v1": told.Type, "v1a": valid}); err != nil {
		log.Fatal(err)
	}
}
