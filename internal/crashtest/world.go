package crashtest

import (
	"context"
	_ "embed"
	"errors"
	"fmt"

	"github.com/gridtie/gridtie/chains"
	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/internal/server"
	"github.com/gridtie/gridtie/registry"
	"github.com/gridtie/gridtie/supplypoint"
)

//go:embed chains/root.json
var root []byte

// Chains is the shipped set with another root chain: one that counts on the device, in server attributes, how often
// ENTITY_CREATED and PROVISION_SUCCESS were run, keeps what the meter sent, and fails on a message with "poison".
func Chains() []engine.File {
	return server.Overlay([]engine.File{{Name: "root.json", Text: root}}, chains.Files())
}

// The one supplier there is, and the distributor whose grid all supply points are in.
const (
	supplier    = "alba"
	distributor = "0021"
)

// World is what meters need to know to come in.
type World struct {
	ProvisionKey, ProvisionSecret secret.Text
	SupplierKey                   secret.Text

	Uncalled bool // nobody makes calls to the meters
}

// Furnish adds the supplier and its key to a new registry.
func Furnish(ctx context.Context, r *registry.Registry) (World, error) {
	w := World{SupplierKey: secret.NewText("alba-key")}
	var errs [3]error
	_, errs[0] = r.AddSupplier(ctx, registry.Supplier{ID: supplier, Name: "Alba"})
	_, _, errs[1] = r.AddKey(ctx, registry.SupplierKey{Supplier: supplier}, w.SupplierKey)
	w.ProvisionKey, w.ProvisionSecret, errs[2] = r.RevealProfile(ctx, server.FirstProfile)
	if err := errors.Join(errs[:]...); err != nil {
		return World{}, fmt.Errorf("furnishing the registry: %w", err)
	}
	return w, nil
}

// AcknowledgeStored makes the profile of the meters acknowledge what is stored, before it is run.
func AcknowledgeStored(ctx context.Context, r *registry.Registry) error {
	_, err := r.ChangeProfile(ctx, server.FirstProfile, func(p *registry.Profile) { p.Ack = registry.AckStored })
	return err
}

// character is how a meter behaves.
type character uint8

const (
	plain    character = iota // has a supply point of its own
	twin                      // shares one with the next or the last meter: one of them is held
	stranger                  // has a wrong supplier key
	poisoner                  // its first message fails in the chain, after it has written
)

// characterOf gives every kind its share; twins are neighbours.
func characterOf(n int) character {
	return [...]character{plain, plain, twin, twin, plain, stranger, poisoner, plain}[n%8]
}

// nameFormat is that of the names of meters.
const nameFormat = "meter-%05d"

func name(n int) string { return fmt.Sprintf(nameFormat, n) }

func pointOf(n int) supplypoint.Point {
	if characterOf(n) == twin {
		n -= n % 2
	}
	return supplypoint.Synthetic(distributor, uint64(n)+1)
}

// wanted is what a meter asks for as credentials: nothing, a token of its own, or a user name with a password.
func wanted(n int) registry.Credentials {
	switch n % 3 {
	case 1:
		return registry.Credentials{Type: registry.AccessToken, Token: secret.NewText("token-of-" + name(n))}
	case 2:
		return registry.Credentials{
			Type: registry.MQTTBasic, ClientID: secret.NewText("client-" + name(n)),
			UserName: secret.NewText("user-" + name(n)), Password: secret.NewText("password-of-" + name(n)),
		}
	}
	return registry.Credentials{}
}

// payload is a meter's k-th attributes message, counted from 1.
func (w *World) payload(n, k int) []byte {
	key := w.SupplierKey.Reveal()
	switch {
	case poisonous(n, k):
		return fmt.Appendf(nil, `{"n": %d, "poison": true}`, k)
	case characterOf(n) == stranger:
		key = "not-" + key
	}
	return fmt.Appendf(nil, `{"n": %d, "supplierKey": %q, "CUPS": %q}`, k, key, pointOf(n).ID())
}

func poisonous(n, k int) bool { return characterOf(n) == poisoner && k == 1 }
