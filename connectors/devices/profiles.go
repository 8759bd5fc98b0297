package devices

import (
	"context"
	"sync"
	"time"

	"github.com/gridtie/gridtie/connectors/intake"
	"github.com/gridtie/gridtie/registry"
)

// FieldSupplierKey is the declared field whose value is a secret: intake makes a digest of it.
const FieldSupplierKey = "supplierKey"

// profile is a profile with what intake is to know of it.
type profile struct {
	registry.Profile
	shape intake.Shape
	sets  sets
	read  time.Time
}

// profiles spares reading a profile for every message of its devices.
type profiles struct {
	mu    sync.RWMutex
	known map[string]*profile
	round int // rises when all is forgotten
}

// profile returns a profile that is at most Limits.ProfileAge old.
func (s *Service) profile(ctx context.Context, name string) (*profile, error) {
	now := s.now()
	s.profiles.mu.RLock()
	p, round := s.profiles.known[name], s.profiles.round
	s.profiles.mu.RUnlock()
	if p != nil {
		if age := now.Sub(p.read); age >= 0 && age < s.limits.ProfileAge {
			return p, nil
		}
	}
	read, err := s.registry.Profile(ctx, name)
	if err != nil {
		return nil, err
	}
	limits, err := setsOf(read.Limits)
	if err != nil {
		return nil, err
	}
	p = &profile{Profile: read, shape: ShapeOf(read), sets: limits, read: now}
	s.profiles.mu.Lock()
	defer s.profiles.mu.Unlock()
	if s.profiles.round != round {
		return p, nil // it may have been read before the change for which all was forgotten
	}
	if s.profiles.known == nil {
		s.profiles.known = map[string]*profile{}
	}
	s.profiles.known[name] = p
	return p, nil
}

// ForgetProfiles makes the next message of every device read its profile again, however young what is known of it.
func (s *Service) ForgetProfiles() {
	s.profiles.mu.Lock()
	defer s.profiles.mu.Unlock()
	s.profiles.known, s.profiles.round = nil, s.profiles.round+1
}

// ShapeOf is how intake is to read what devices of a profile send.
func ShapeOf(p registry.Profile) intake.Shape {
	shape := intake.Shape{
		CastStrings: p.CastStrings,
		Limits:      intake.Limits{Size: p.Limits.PayloadBytes, Depth: p.Limits.Depth, Values: p.Limits.Values},
	}
	for _, f := range p.Fields {
		shape.Fields = append(shape.Fields, intake.Field{
			Name: f.Name, Aliases: f.Aliases, Secret: f.Name == FieldSupplierKey,
		})
	}
	return shape
}
