// Package network is a pod network for a cluster whose nodes see one another directly, as kind's do. An agent on every
// node writes a CNI configuration for the node's own slice of the pod range, a route to every other node's slice, and
// one rule: what leaves the pod range carries the node's address. It enforces no NetworkPolicy, and knows IPv4 only.
package network

import (
	"context"
	"fmt"
	"log"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

const (
	every      = 5 * time.Second
	patience   = 20 * time.Second
	cniFile    = "/etc/cni/net.d/10-workshop.conflist"
	masquerade = `
add table ip workshop
flush table ip workshop
table ip workshop {
  chain leaving {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr %[1]s ip daddr != %[1]s masquerade
  }
}
`
	cniConfig = `{
  "cniVersion": "1.0.0",
  "name": "workshop",
  "plugins": [
    {
      "type": "ptp",
      "ipMasq": false,
      "ipam": {
        "type": "host-local",
        "dataDir": "/run/pod-addresses",
        "ranges": [[{"subnet": %q}]],
        "routes": [{"dst": "0.0.0.0/0"}]
      }
    },
    {"type": "portmap", "capabilities": {"portMappings": true}}
  ]
}
`
)

// Main puts the node's network right, again and again; it does not return.
func Main() {
	client, err := connect()
	if err != nil {
		log.Fatal(err)
	}
	self, pods, last := os.Getenv("NODE_NAME"), os.Getenv("POD_SUBNET"), ""
	for ; ; time.Sleep(every) {
		state, err := putRight(client, self, pods)
		if err != nil {
			state = "not yet: " + err.Error()
		}
		if state != last {
			log.Print(state)
			last = state
		}
	}
}

func connect() (kubernetes.Interface, error) {
	config, err := rest.InClusterConfig()
	if err != nil {
		return nil, err
	}
	// Until kube-proxy runs, the Service's address leads out of the cluster.
	if direct := os.Getenv("CONTROL_PLANE_ENDPOINT"); direct != "" {
		config.Host = "https://" + direct
	}
	return kubernetes.NewForConfig(config)
}

func putRight(client kubernetes.Interface, self, pods string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	nodes, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return "", err
	}
	own, routes := "", []string{}
	for _, node := range nodes.Items {
		slice, via := node.Spec.PodCIDR, address(node)
		switch {
		case node.Name == self:
			own = slice
		case slice != "" && via != nil:
			if err := route(slice, via); err != nil {
				return "", fmt.Errorf("the route to %s by %s: %w", slice, via, err)
			}
			routes = append(routes, fmt.Sprintf("%s by %s", slice, via))
		}
	}
	if own == "" {
		return "", fmt.Errorf("node %s has no slice of the pod range", self)
	}
	if err := hide(pods); err != nil {
		return "", err
	}
	return fmt.Sprintf("pods of %s in %s, others: %s", self, own, strings.Join(routes, ", ")), writeCNI(own)
}

func address(node v1.Node) net.IP {
	for _, a := range node.Status.Addresses {
		if ip := net.ParseIP(a.Address).To4(); a.Type == v1.NodeInternalIP && ip != nil {
			return ip
		}
	}
	return nil
}

func route(slice string, via net.IP) error {
	_, to, err := net.ParseCIDR(slice)
	if err != nil {
		return err
	}
	return netlink.RouteReplace(&netlink.Route{Dst: to, Gw: via})
}

func hide(pods string) error {
	nft := exec.Command("nft", "-f", "-")
	nft.Stdin = strings.NewReader(fmt.Sprintf(masquerade, pods))
	if said, err := nft.CombinedOutput(); err != nil {
		return fmt.Errorf("nft: %w: %s", err, said)
	}
	return nil
}

// writeCNI makes the file appear whole, by a rename within its folder: containerd, which watches the folder, does not
// notice a file that is moved in from elsewhere.
func writeCNI(own string) error {
	wanted := fmt.Sprintf(cniConfig, own)
	if have, err := os.ReadFile(cniFile); err == nil && string(have) == wanted {
		return nil
	}
	part := filepath.Join(filepath.Dir(cniFile), ".workshop.part")
	if err := os.WriteFile(part, []byte(wanted), 0o644); err != nil {
		return err
	}
	return os.Rename(part, cniFile)
}
