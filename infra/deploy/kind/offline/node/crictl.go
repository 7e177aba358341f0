package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

const (
	socket       = "unix:///run/containerd/containerd.sock"
	patience     = 30 * time.Second
	largestReply = 16 << 20
)

// crictl asks the node's containerd. The real one cannot be had as a Go module; kind calls `images` and `inspecti` of
// it, and the rest is for a person who looks into a node.
func crictl(args []string) error {
	connection, err := grpc.NewClient(socket, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(largestReply)))
	if err != nil {
		return err
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	images, runtime := cri.NewImageServiceClient(connection), cri.NewRuntimeServiceClient(connection)
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	defer table.Flush()

	switch {
	case is(args, "images"):
		return listImages(ctx, images, table)
	case is(args, "inspecti", "IMAGE"):
		return showImage(ctx, images, args[1])
	case is(args, "rmi", "IMAGE"):
		_, err := images.RemoveImage(ctx, &cri.RemoveImageRequest{Image: &cri.ImageSpec{Image: args[1]}})
		return err
	case is(args, "pods"):
		return listPods(ctx, runtime, table)
	case is(args, "ps"):
		return listContainers(ctx, runtime, table)
	case is(args, "info"):
		reply, err := runtime.Status(ctx, &cri.StatusRequest{})
		if err != nil {
			return err
		}
		return printJSON(reply)
	}
	return fmt.Errorf("this crictl knows images, inspecti IMAGE, rmi IMAGE, pods, ps and info, not %q", args)
}

func is(args []string, pattern ...string) bool {
	return len(args) == len(pattern) && args[0] == pattern[0]
}

func listImages(ctx context.Context, client cri.ImageServiceClient, out io.Writer) error {
	reply, err := client.ListImages(ctx, &cri.ListImagesRequest{})
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "IMAGE\tID\tSIZE")
	for _, image := range reply.Images {
		names := image.RepoTags
		if len(names) == 0 {
			names = []string{"<none>"}
		}
		for _, name := range names {
			fmt.Fprintf(out, "%s\t%.20s\t%d\n", name, image.Id, image.Size)
		}
	}
	return nil
}

func showImage(ctx context.Context, client cri.ImageServiceClient, name string) error {
	reply, err := client.ImageStatus(ctx, &cri.ImageStatusRequest{Image: &cri.ImageSpec{Image: name}})
	if err != nil {
		return err
	}
	image := reply.Image
	if image == nil {
		return fmt.Errorf("no such image %q present", name)
	}
	return printJSON(map[string]any{"status": map[string]any{
		"id": image.Id, "repoTags": image.RepoTags, "repoDigests": image.RepoDigests,
		"size": fmt.Sprint(image.Size), "pinned": image.Pinned,
	}})
}

func listPods(ctx context.Context, client cri.RuntimeServiceClient, out io.Writer) error {
	reply, err := client.ListPodSandbox(ctx, &cri.ListPodSandboxRequest{})
	if err != nil {
		return err
	}
	for _, pod := range reply.Items {
		fmt.Fprintf(out, "%.13s\t%s\t%s/%s\n", pod.Id, pod.State, pod.Metadata.Namespace, pod.Metadata.Name)
	}
	return nil
}

func listContainers(ctx context.Context, client cri.RuntimeServiceClient, out io.Writer) error {
	reply, err := client.ListContainers(ctx, &cri.ListContainersRequest{})
	if err != nil {
		return err
	}
	for _, container := range reply.Containers {
		pod := container.Labels["io.kubernetes.pod.name"]
		fmt.Fprintf(out, "%.13s\t%s\t%s\t%s\n", container.Id, container.State, container.Metadata.Name, pod)
	}
	return nil
}

func printJSON(value any) error {
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}
