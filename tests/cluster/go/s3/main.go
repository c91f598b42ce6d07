// Runs SeaweedFS as the chart runs MinIO's image: same arguments, environment and health paths.
//
// MinIO publishes no server that this project can build; the real one listens on :9000 and answers GET /minio/health.
package main

import (
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
)

const (
	listen = ":9000"
	inner  = "127.0.0.1:19000"
	health = "/minio/health/"
)

func main() {
	arguments := os.Args[1:]
	if len(arguments) != 2 || arguments[0] != "server" {
		fmt.Fprintln(os.Stderr, "usage: s3 server FOLDER")
		os.Exit(2)
	}
	if err := run(arguments[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(folder string) error {
	server, err := start(folder)
	if err != nil {
		return err
	}
	ended := make(chan error, 2)
	go func() { ended <- fmt.Errorf("the server ended: %w", server.Wait()) }()
	go func() { ended <- http.ListenAndServe(listen, handler()) }()
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	select {
	case <-stop:
		return server.Process.Kill() // it takes half a minute to obey SIGTERM
	case err := <-ended:
		return err
	}
}

func start(folder string) (*exec.Cmd, error) {
	key, err := secret("MINIO_ROOT_USER")
	if err != nil {
		return nil, err
	}
	password, err := secret("MINIO_ROOT_PASSWORD")
	if err != nil {
		return nil, err
	}
	server := exec.Command("weed", "mini", "-dir="+folder, "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3.port=19000",
		"-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.autoCreateBucket=false", "-master.telemetry=false", "-webdav=false",
		"-admin.ui=false")
	server.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID="+key, "AWS_SECRET_ACCESS_KEY="+password)
	server.Stdout, server.Stderr = os.Stdout, os.Stderr
	return server, server.Start()
}

// secret returns NAME, or the content of the file that NAME_FILE names.
func secret(name string) (string, error) {
	path := os.Getenv(name + "_FILE")
	if path == "" {
		return os.Getenv(name), nil
	}
	content, err := os.ReadFile(path)
	return strings.TrimSpace(string(content)), err
}

// handler forwards requests as they came (signatures cover the Host header) and answers MinIO's health paths itself.
func handler() http.Handler {
	target := &url.URL{Scheme: "http", Host: inner}
	proxy := &httputil.ReverseProxy{Rewrite: func(request *httputil.ProxyRequest) {
		request.SetURL(target)
		request.Out.Host = request.In.Host
	}}
	return http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		if strings.HasPrefix(request.URL.Path, health) {
			answer, err := http.Get("http://" + inner + "/healthz")
			if err != nil {
				writer.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			answer.Body.Close()
			writer.WriteHeader(answer.StatusCode)
			return
		}
		proxy.ServeHTTP(writer, request)
	})
}
