// Package queues keeps Kubernetes' work queues from being measured. Each of the seventy would wake up twice a second, for
// figures that nobody reads here, while nothing happens.
//
// The first who names a recipient of these figures wins, and component-base does so when it is initialized. Packages are
// initialized in the order of their paths, as far as they do not need each other
// (https://go.dev/ref/spec#Program_initialization), so that this one, which has to come before k8s.io, is named as it is.
package queues

import (
	"sync"
	_ "unsafe" // for go:linkname
)

//go:linkname named k8s.io/client-go/util/workqueue.setGlobalMetricsProviderOnce
var named sync.Once

func init() {
	named.Do(func() {})
}
