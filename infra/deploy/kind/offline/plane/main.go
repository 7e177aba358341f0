// plane is everything that runs in a cluster as an image of Kubernetes': the control plane's programs, kube-proxy and
// the pod network's agent. The name it is called by says which one it is, so that all these images share one layer.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"

	"workshop/node/network"

	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
)

func main() {
	var command *cobra.Command
	switch name := filepath.Base(os.Args[0]); name {
	case "kube-apiserver":
		command = apiserver.NewAPIServerCommand()
	case "kube-controller-manager":
		command = controllers.NewControllerManagerCommand()
	case "kube-scheduler":
		command = scheduler.NewSchedulerCommand()
	case "kube-proxy":
		command = proxy.NewProxyCommand()
	case "etcd":
		etcdmain.Main(os.Args)
		return
	case "pod-network":
		network.Main()
		return
	default:
		fmt.Fprintf(os.Stderr, "%s is no program of the control plane: call it by the name of one\n", name)
		os.Exit(2)
	}
	os.Exit(cli.Run(command))
}
