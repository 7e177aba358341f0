// A whole Kubernetes control plane in one process: etcd, the API server, the controllers and the scheduler, as their own
// projects publish them. It is told everything by a settings file (see infra/workshop/stack/kubernetes/controlplane/plane.py), listens where that
// says, and ends in good order when it gets SIGTERM or SIGINT. If one part fails, all end, and the warden starts all again.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	_ "controlplane/queues"

	"go.etcd.io/etcd/server/v3/embed"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/tools/clientcmd"
	logsapi "k8s.io/component-base/logs/api/v1"
)

const (
	startTimeout    = 2 * time.Minute
	shutdownTimeout = 8 * time.Second
)

// settings name etcd's own settings file, the flags of each part, and a kubeconfig by which the API server is asked whether
// it is ready.
type settings struct {
	Etcd        string
	APIServer   []string
	Controllers []string
	Scheduler   []string
	Kubeconfig  string
}

func main() {
	if len(os.Args) != 2 {
		fail("usage", fmt.Errorf("%s SETTINGS.json", os.Args[0]))
	}
	told, err := read(os.Args[1])
	fail("settings", err)
	// Each part brings its logging along; what the first set up is right for all.
	logsapi.ReapplyHandling = logsapi.ReapplyHandlingIgnoreUnchanged

	database, err := startEtcd(told.Etcd)
	fail("etcd", err)
	// Only now: until here, there is nothing to end in good order.
	leave, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	ended := make(chan string, 3)
	work, stopWork := context.WithCancel(context.Background())
	serve, stopServing := context.WithCancel(context.Background())
	served := part(ended, "kube-apiserver", func() error { return runAPIServer(serve, told.APIServer) })
	if waitUntilReady(leave, ended, told.Kubeconfig) {
		part(ended, "kube-controller-manager", func() error { return runControllers(work, told.Controllers) })
		part(ended, "kube-scheduler", func() error { return runScheduler(work, told.Scheduler) })
	}
	code := 0
	select {
	case <-leave.Done():
	case err := <-database.Err():
		fmt.Fprintf(os.Stderr, "control plane: etcd failed: %v\n", err)
		code = 1
	case name := <-ended:
		fmt.Fprintf(os.Stderr, "control plane: %s has ended\n", name)
		code = 1
	}
	stopWork()
	stopServing()
	select {
	case <-served:
	case <-time.After(shutdownTimeout):
	}
	database.Close()
	os.Exit(code)
}

func read(path string) (settings, error) {
	var told settings
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, &told)
	}
	return told, err
}

func startEtcd(path string) (*embed.Etcd, error) {
	config, err := embed.ConfigFromFile(path)
	if err != nil {
		return nil, err
	}
	database, err := embed.StartEtcd(config)
	if err != nil {
		return nil, err
	}
	select {
	case <-database.Server.ReadyNotify():
		return database, nil
	case err := <-database.Err():
		return nil, err
	case <-time.After(startTimeout):
		database.Close()
		return nil, fmt.Errorf("not ready after %s", startTimeout)
	}
}

// part runs one part; when it ends, its name is sent, because no part may end by itself, and what is returned is closed.
func part(ended chan<- string, name string, run func() error) <-chan struct{} {
	over := make(chan struct{})
	go func() {
		defer close(over)
		if err := run(); err != nil {
			fmt.Fprintf(os.Stderr, "control plane: %s: %v\n", name, err)
		}
		ended <- name
	}()
	return over
}

// waitUntilReady asks the API server; the others would give up on one that is not there yet.
func waitUntilReady(leave context.Context, ended <-chan string, kubeconfig string) bool {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	fail("kubeconfig", err)
	config.QPS, config.Timeout = -1, 2*time.Second
	client, err := discovery.NewDiscoveryClientForConfig(config)
	fail("kubeconfig", err)
	for leave.Err() == nil && len(ended) == 0 {
		if client.RESTClient().Get().AbsPath("/readyz").Do(leave).Error() == nil {
			return true
		}
		time.Sleep(50 * time.Millisecond)
	}
	return false
}

func fail(what string, err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "control plane: %s: %v\n", what, err)
		os.Exit(1)
	}
}
