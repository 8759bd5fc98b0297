package thingsboard

import (
	"github.com/gridtie/gridtie/connectors/devices/thingsboard/body"
	"github.com/gridtie/gridtie/registry"
)

// For fuzzing.
var (
	ProvisionBody  = body.Provision
	AttributesBody = body.Attributes
	DeletedBody    = body.Deleted
)

// Matches tells whether a profile's telemetry filter matches a topic.
func Matches(text, topic string) bool { f := newFilter(text, ""); return f.match(topic) }

// ProvisionRequest reads a body.
func (d *Dialect) ProvisionRequest(payload []byte) error {
	_, err := d.provisionRequest(payload)
	return err
}

// AttributeKeys reads a body.
func (d *Dialect) AttributeKeys(payload []byte) (client, shared []string, ok bool) {
	v, err := d.service.Parse(payload)
	if err != nil {
		return nil, nil, false
	}
	return body.ReadAttributeKeys(v)
}

// AnswerTo is the topic that an attribute request is answered on, empty if the topic asks for none.
func AnswerTo(topic string) (answer string, id int32) {
	r := newTopics(registry.Transport{}).find(topic)
	if r.action != readAttributes {
		return "", 0
	}
	return r.answer, r.id
}

// ChunkTopic is where a request for a chunk is answered, and the chunk's number.
func ChunkTopic(topic string) (answer string, number int32, ok bool) {
	r, what := readChunkTopic(topic)
	if what != loadPackage {
		return "", 0, false
	}
	return r.answer(), r.number, true
}

// ChunkSize reads a payload.
var ChunkSize = readChunkSize
