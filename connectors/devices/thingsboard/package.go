package thingsboard

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/gridtie/gridtie/connectors/devices"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
	"github.com/gridtie/gridtie/registry"
)

// packageTopics are those on which devices load packages of one kind, as ThingsBoard's MqttTopics names them: a request is
// followed by an id of the device's choice, by chunkPart and the number of a chunk; so is its answer.
type packageTopics struct {
	kind                      registry.PackageKind
	request, response, filter string
}

// The topics of the two kinds; they are never written to.
var (
	firmwareTopics = packageTopics{registry.Firmware, "v2/fw/request/", "v2/fw/response/", "v2/fw/response/+/chunk/+"}
	softwareTopics = packageTopics{registry.Software, "v2/sw/request/", "v2/sw/response/", "v2/sw/response/+/chunk/+"}
)

const (
	chunkPart = "/chunk/"
	// packageErrors is where a device is told why it gets nothing, for either kind, as in ThingsBoard.
	packageErrors = "v2/fw/error"
)

// What a device is told there: names of ThingsBoard's.
const (
	packageNotFound = "NOT_FOUND"
	packageTooLarge = "PAYLOAD_TOO_LARGE"
)

// Limits of loading.
const (
	// maxChunk is the largest chunk, in bytes: ThingsBoard's, which takes the limit of a packet for it.
	maxChunk = 64 << 10
	// maxLoads is how many request ids of one session are remembered, with the size of their chunks.
	maxLoads = 8
)

// chunkRequest is what a topic asks for.
type chunkRequest struct {
	packageTopics
	id     string // digits, as the device wrote them
	number int32  // of the chunk
}

// answer is the topic of the answer.
func (r chunkRequest) answer() string {
	return r.response + r.id + chunkPart + strconv.Itoa(int(r.number))
}

// readChunkTopic reads a topic. What is not of that form is unknown; a number that is too large is fatal.
func readChunkTopic(topic string) (r chunkRequest, bad action) {
	r.packageTopics = firmwareTopics
	rest, ok := strings.CutPrefix(topic, r.request)
	if !ok {
		r.packageTopics = softwareTopics
		if rest, ok = strings.CutPrefix(topic, r.request); !ok {
			return r, unknown
		}
	}
	id, number, ok := strings.Cut(rest, chunkPart)
	if !ok || !decimal(id) || !decimal(number) {
		return r, unknown
	}
	n, err := strconv.ParseInt(number, 10, 32)
	if err != nil {
		return r, fatal
	}
	r.id, r.number = id, int32(n)
	return r, loadPackage
}

func decimal(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// readChunkSize reads a payload: 0 if it names no size.
func readChunkSize(payload []byte) (size int32, ok bool) {
	if len(payload) == 0 {
		return 0, true
	}
	n, err := strconv.ParseInt(string(payload), 10, 32)
	return int32(n), err == nil && decimal(string(payload))
}

// load is what is remembered of a request id.
type load struct {
	kind registry.PackageKind
	id   string
	size int32            // of a chunk; 0 until the device names one
	of   *devices.Package // nil before a chunk was asked for
}

// loads are those of a session, the one asked for last at the end.
type loads []*load

// of finds what is remembered, or begins to; then the one that was asked for longest ago is forgotten if there are too many.
func (l *loads) of(r chunkRequest) *load {
	at := slices.IndexFunc(*l, func(known *load) bool { return known.kind == r.kind && known.id == r.id })
	found := &load{kind: r.kind, id: r.id}
	if at >= 0 {
		found = (*l)[at]
		*l = slices.Delete(*l, at, at+1)
	} else if len(*l) == maxLoads {
		*l = slices.Delete(*l, 0, 1)
	}
	*l = append(*l, found)
	return found
}

// loadPackage answers a request for a chunk.
func (d *device) loadPackage(ctx context.Context, p mqttserver.Publish, done func(mqttserver.Verdict)) {
	r, what := readChunkTopic(p.Topic)
	size, ok := readChunkSize(p.Payload)
	switch {
	case what == unknown:
		done(mqttserver.Ack.With(packet.TopicNameInvalid))
		return
	case what == fatal || !ok: // whatever the profile says of bad payloads, as in ThingsBoard
		done(mqttserver.CloseWithoutAck)
		return
	}
	l := d.loads.of(r)
	if size > 0 {
		l.size = size
	}
	chunk, err := d.chunk(ctx, l, r)
	switch {
	case errors.Is(err, errChunkTooLarge):
		d.refusePackage(packageTooLarge, done)
	case errors.Is(err, devices.ErrNoPackage):
		l.of = nil
		d.refusePackage(packageNotFound, done)
	case errors.Is(err, devices.ErrRate): // that is told already
		done(mqttserver.CloseWithoutAck)
	case err != nil:
		d.dialect.log.Warn().Str("event", "package_unread").Str("device", d.session.Device().ID).Err(err).Send()
		done(mqttserver.CloseWithoutAck)
	default:
		done(mqttserver.Ack) // ThingsBoard acknowledges first, then answers
		d.send(r.answer(), chunk, d.packageQoS(r.filter))
	}
}

var errChunkTooLarge = errors.New("the chunk is too large")

// chunk reads one. The first chunk is one of the package that is assigned at the moment; those that follow are of the same,
// so that nobody puts two packages together.
func (d *device) chunk(ctx context.Context, l *load, r chunkRequest) ([]byte, error) {
	if l.size > maxChunk {
		return nil, errChunkTooLarge
	}
	if l.of == nil || r.number == 0 {
		if err := d.session.Admit(ctx); err != nil { // a download costs a message, however many chunks it has
			return nil, err
		}
		of, err := d.session.Package(ctx, r.kind, registry.PackageName{})
		if err != nil {
			return nil, err
		}
		l.of = of
	}
	offset, length := l.of.Chunk(l.size, r.number)
	if length > maxChunk {
		return nil, errChunkTooLarge
	}
	chunk := make([]byte, length)
	n, err := l.of.Read(ctx, offset, chunk)
	return chunk[:n], err
}

// refusePackage tells why there is nothing, and closes.
func (d *device) refusePackage(why string, done func(mqttserver.Verdict)) {
	d.send(packageErrors, []byte(why), d.packageQoS(packageErrors))
	done(mqttserver.CloseWithoutAck)
}

func (d *device) packageQoS(filter string) byte {
	if qos, subscribed := d.granted[filter]; subscribed {
		return qos
	}
	return replyQoS
}
