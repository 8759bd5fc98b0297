package web

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/gridtie/gridtie/connectors/devices"
	"github.com/gridtie/gridtie/registry"
)

const (
	// pieceBytes is how much of a package is held for one request.
	pieceBytes = 64 << 10
	// pieceTime is how long a device may take to read so much.
	pieceTime = 30 * time.Second
)

func (h *Handler) firmware(w http.ResponseWriter, r *http.Request, s *devices.Session) {
	h.load(w, r, s, registry.Firmware)
}

func (h *Handler) software(w http.ResponseWriter, r *http.Request, s *devices.Session) {
	h.load(w, r, s, registry.Software)
}

// load answers with a package, or with a chunk of it. Title and version have to be named, as in ThingsBoard; a chunk behind
// the end is empty.
func (h *Handler) load(w http.ResponseWriter, r *http.Request, s *devices.Session, k registry.PackageKind) {
	q := r.URL.Query()
	named := registry.PackageName{Title: q.Get("title"), Version: q.Get("version")}
	size, sound := whole(q, "size")
	chunk, sound2 := whole(q, "chunk")
	if named.Title == "" || named.Version == "" || !sound || !sound2 {
		tell(w, http.StatusBadRequest, "title and version are needed, and size and chunk are whole numbers")
		return
	}
	id := s.Device().ID
	if !h.loads.enter(id) {
		later(w, "too many packages are on their way to this device already")
		return
	}
	defer h.loads.leave(id)
	if err := s.Admit(r.Context()); err != nil {
		h.unavailable(w, "load a package", err)
		return
	}
	p, err := s.Package(r.Context(), k, named)
	switch {
	case errors.Is(err, devices.ErrNoPackage):
		tell(w, http.StatusNotFound, "no "+string(k)+" is assigned")
	case errors.Is(err, devices.ErrOtherPackage):
		tell(w, http.StatusBadRequest, "another "+string(k)+" is assigned")
	case err != nil:
		h.unavailable(w, "load a package", err)
	default:
		offset, length := p.Chunk(size, chunk)
		h.stream(w, r, p, offset, length)
	}
}

// whole reads a number that may be left out.
func whole(q url.Values, name string) (int32, bool) {
	n, err := strconv.ParseInt(cmp.Or(q.Get(name), "0"), 10, 32)
	return int32(n), err == nil && n >= 0
}

// stream sends a part of a package, piece by piece.
func (h *Handler) stream(w http.ResponseWriter, r *http.Request, p *devices.Package, offset, length int64) {
	buffer := make([]byte, min(length, pieceBytes))
	first, err := p.Read(r.Context(), offset, buffer)
	switch { // it is not too late to say so
	case errors.Is(err, devices.ErrNoPackage):
		tell(w, http.StatusNotFound, "the package has been deleted")
		return
	case err != nil:
		h.unavailable(w, "read a package", err)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "application/octet-stream")
	header.Set("Content-Length", strconv.FormatInt(length, 10))
	header.Set("Content-Disposition", `attachment;filename="`+p.File+`"`)
	header.Set("x-filename", p.File)
	header.Set("X-Content-Type-Options", "nosniff")
	control := http.NewResponseController(w)
	defer func() { _ = control.SetWriteDeadline(time.Time{}) }() // the connection goes on
	for n := first; n > 0; {
		// Answers have no time limit otherwise; a device that does not read must not hold its connection for ever.
		_ = control.SetWriteDeadline(time.Now().Add(pieceTime))
		if _, err := w.Write(buffer[:n]); err != nil {
			return // it has gone
		}
		offset, length = offset+int64(n), length-int64(n)
		if n, err = p.Read(r.Context(), offset, buffer[:min(length, pieceBytes)]); err != nil {
			h.log.Warn().Str("event", "package_cut_short").Err(err).Send()
			return // less than was announced: the server closes the connection, and nobody takes it for the whole
		}
	}
}
