package devices

import (
	"context"
	"errors"
	"slices"

	"github.com/gridtie/gridtie/connectors/intake"
	"github.com/gridtie/gridtie/registry"
)

// ErrTooManyKeys: more attributes were asked for by name than Limits.Keys allows.
var ErrTooManyKeys = errors.New("too many attributes asked for at once")

// Attributes reads client and shared attributes by name. Without any names it reads all of both; otherwise only what is
// named. Names that the device has no attribute of are silently absent, as in ThingsBoard. Errors are ErrTooManyKeys, a
// *RateError, or that of a registry that cannot be asked.
func (s *Session) Attributes(ctx context.Context, clientKeys, sharedKeys []string) (
	client, shared []registry.Attribute, err error,
) {
	if err := s.Admit(ctx); err != nil {
		return nil, nil, err
	}
	if len(clientKeys)+len(sharedKeys) > s.service.limits.Keys {
		s.service.observer.BadPayload(intake.TooManyValues)
		return nil, nil, ErrTooManyKeys
	}
	clientKeys, sharedKeys = unique(clientKeys), unique(sharedKeys)
	all := len(clientKeys) == 0 && len(sharedKeys) == 0
	if all || len(clientKeys) > 0 {
		if client, err = s.service.registry.Attributes(ctx, s.device.ID, registry.ClientScope, clientKeys...); err != nil {
			return nil, nil, err
		}
	}
	if all || len(sharedKeys) > 0 {
		shared, err = s.service.registry.Attributes(ctx, s.device.ID, registry.SharedScope, sharedKeys...)
	}
	return client, shared, err
}

// unique drops repeated names: one that stood twice in an answer would make it invalid for many readers.
func unique(keys []string) []string {
	seen := make(map[string]bool, len(keys))
	return slices.DeleteFunc(slices.Clone(keys), func(key string) bool {
		again := seen[key]
		seen[key] = true
		return again
	})
}
