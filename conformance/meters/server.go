package main

import (
	"context"
	"crypto/rand"
	"fmt"

	"github.com/gridtie/gridtie/conformance/internal/product"
)

// sampleSuppliers share the meters.
const sampleSuppliers = 3

// settle makes suppliers, and reads what meters need to know.
func settle(ctx context.Context, s *product.Server, w *world) (err error) {
	if w.key, w.secret, err = s.Provisioning(ctx); err != nil {
		return err
	}
	for i := range sampleSuppliers {
		id, key := fmt.Sprintf("supplier-%d", i+1), rand.Text()
		if _, err := s.Command(ctx, "", "suppliers", "add", id); err != nil {
			return err
		}
		if _, err := s.Command(ctx, key, "suppliers", "add-key", id, "--key-file", "-"); err != nil {
			return err
		}
		w.supplierKeys = append(w.supplierKeys, key)
	}
	return nil
}
