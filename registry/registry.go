package registry

import (
	"time"

	"github.com/rs/zerolog"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/registry/store"
)

// Options of Open. ServerKey is mandatory, the zero value of all others works.
type Options struct {
	ServerKey secret.Key
	Clock     func() time.Time // default time.Now
	Logger    zerolog.Logger   // default: nothing is logged
	Owner     string           // name of this process in pending rows, where several share a store
	Retention time.Duration    // of outcomes and dead letters; default 90 days
	Lazy      time.Duration    // how often activity is written; default 5 s
}

// Registry is an open registry.
type Registry struct {
	store store.Store
}

// TxOptions of Begin.
type TxOptions struct {
	// Alone lets no other batch be applied until the transaction ends, so that it cannot meet a conflict.
	Alone bool
}

// Tx gathers writes over committed state.
type Tx struct{}

// Fate is how the run of a transaction ended.
type Fate struct {
	Outcome    *Outcome    // written with the effects; without a Code it is only counted
	DeadLetter *DeadLetter // if set, the effects are dropped and it alone is written
	Emit       []PendingRow
	Consumed   Consumed
}
