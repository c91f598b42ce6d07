package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	deviceplugin "k8s.io/kubelet/pkg/apis/deviceplugin/v1beta1"
)

const registrationTimeout = 30 * time.Second

// devices offers GPUs that do not exist, so that pods are scheduled as on a GPU node and compute on the CPU.
type devices struct {
	deviceplugin.UnimplementedDevicePluginServer
	count int
}

func (d devices) GetDevicePluginOptions(context.Context, *deviceplugin.Empty) (*deviceplugin.DevicePluginOptions, error) {
	return &deviceplugin.DevicePluginOptions{}, nil
}

func (d devices) ListAndWatch(_ *deviceplugin.Empty, stream deviceplugin.DevicePlugin_ListAndWatchServer) error {
	list := &deviceplugin.ListAndWatchResponse{}
	for number := range d.count {
		list.Devices = append(list.Devices, &deviceplugin.Device{ID: fmt.Sprintf("none-%d", number), Health: deviceplugin.Healthy})
	}
	if err := stream.Send(list); err != nil {
		return err
	}
	<-stream.Context().Done()
	return nil
}

func (d devices) Allocate(_ context.Context, request *deviceplugin.AllocateRequest) (*deviceplugin.AllocateResponse, error) {
	response := &deviceplugin.AllocateResponse{}
	for _, container := range request.ContainerRequests {
		environment := map[string]string{"NVIDIA_VISIBLE_DEVICES": strings.Join(container.DevicesIds, ",")}
		response.ContainerResponses = append(response.ContainerResponses, &deviceplugin.ContainerAllocateResponse{Envs: environment})
	}
	return response, nil
}

func newDevicePluginCommand() *cobra.Command {
	var resource string
	var count int
	command := &cobra.Command{
		Use:   "fake-gpu",
		Short: "Offer devices that do not exist to this node's kubelet",
		RunE:  func(*cobra.Command, []string) error { return offer(resource, count) },
	}
	command.Flags().StringVar(&resource, "resource", "nvidia.com/gpu", "name of the resource")
	command.Flags().IntVar(&count, "count", 1, "number of devices")
	return command
}

// offer serves and registers the devices; it returns only on an error.
func offer(resource string, count int) error {
	endpoint := strings.NewReplacer("/", "-", ".", "-").Replace(resource) + ".sock"
	socket := filepath.Join(deviceplugin.DevicePluginPath, endpoint)
	if err := os.RemoveAll(socket); err != nil {
		return err
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	deviceplugin.RegisterDevicePluginServer(server, devices{count: count})
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	if err := register(endpoint, resource); err != nil {
		return err
	}
	return <-served
}

func register(endpoint, resource string) error {
	connection, err := grpc.NewClient("unix://"+deviceplugin.KubeletSocket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer connection.Close()
	ctx, done := context.WithTimeout(context.Background(), registrationTimeout)
	defer done()
	request := &deviceplugin.RegisterRequest{Version: deviceplugin.Version, Endpoint: endpoint, ResourceName: resource}
	_, err = deviceplugin.NewRegistrationClient(connection).Register(ctx, request)
	return err
}
