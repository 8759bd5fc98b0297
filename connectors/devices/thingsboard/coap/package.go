package coap

import (
	"context"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"

	"github.com/gridtie/gridtie/connectors/devices"
	"github.com/gridtie/gridtie/connectors/devices/coapserver"
	"github.com/gridtie/gridtie/connectors/devices/coapserver/message"
	"github.com/gridtie/gridtie/registry"
)

// formatBytes is the Content-Format application/octet-stream (RFC 7252 section 12.3).
const formatBytes = 42

// loadPackage answers with a package, or with a chunk of it, a block at a time. Title and version need not be named, but what is
// has to fit (ThingsBoard's OtaPackageTransportResource). A chunk behind the end is empty.
func (d *Dialect) loadPackage(ctx context.Context, s *devices.Session, r *coapserver.Request, t target, answer func(coapserver.Response)) {
	size, sound := whole(query(r, "size"))
	chunk, sound2 := whole(query(r, "chunk"))
	if !sound || !sound2 {
		answer(plain(message.BadRequest))
		return
	}
	offset, most := r.Block()
	if offset == 0 { // a download costs a message, however many blocks it has
		if err := s.Admit(ctx); err != nil {
			answer(d.noPackage(s, err))
			return
		}
	}
	p, err := s.Package(ctx, t.kind, registry.PackageName{Title: query(r, "title"), Version: query(r, "version")})
	if err != nil {
		answer(d.noPackage(s, err))
		return
	}
	from, length := p.Chunk(size, chunk)
	piece := make([]byte, max(0, min(int64(most), length-int64(offset))))
	if _, err := p.Read(ctx, from+int64(offset), piece); err != nil {
		answer(d.noPackage(s, err))
		return
	}
	answer(coapserver.Response{
		Code: message.Content, Payload: piece, Format: formatBytes,
		Part: &coapserver.Part{Offset: offset, Total: int(length), Tag: tag(p)},
	})
}

func (d *Dialect) noPackage(s *devices.Session, err error) coapserver.Response {
	var over *devices.RateError
	switch {
	case errors.As(err, &over):
		return limited(over)
	case errors.Is(err, devices.ErrNoPackage):
		return plain(message.NotFound)
	case errors.Is(err, devices.ErrOtherPackage):
		return plain(message.BadRequest)
	}
	d.log.Warn().Str("event", "package_unread").Str("device", s.Device().ID).Err(err).Send()
	return later(message.ServiceUnavailable, retryAfter)
}

// tag tells packages apart, so that a device does not put the blocks of two together.
func tag(p *devices.Package) []byte {
	id, err := hex.DecodeString(p.ID)
	if err != nil || len(id) > 8 {
		return []byte(p.ID)[:min(8, len(p.ID))]
	}
	return id
}

func query(r *coapserver.Request, name string) string {
	for _, q := range r.Queries {
		if value, ok := strings.CutPrefix(q, name+"="); ok {
			return value
		}
	}
	return ""
}

// whole reads a number that may be left out.
func whole(text string) (int32, bool) {
	if text == "" {
		return 0, true
	}
	n, err := strconv.ParseInt(text, 10, 32)
	return int32(n), err == nil && n >= 0
}
