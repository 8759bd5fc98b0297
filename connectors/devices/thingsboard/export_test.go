package thingsboard

// For fuzzing.
var (
	ProvisionBody  = provisionBody
	AttributesBody = attributesBody
	DeletedBody    = deletedBody
)

// ProvisionRequest reads a body.
func (d *Dialect) ProvisionRequest(body []byte) error { _, err := d.provisionRequest(body); return err }

// AttributeKeys reads a body.
func (d *Dialect) AttributeKeys(body []byte) (client, shared []string, ok bool) {
	return d.attributeKeys(body)
}

// AnswerTo is the topic that an attribute request is answered on, empty if the topic asks for none.
func AnswerTo(topic string) (answer string, id int32) {
	r := find(topic)
	if r.action != readAttributes {
		return "", 0
	}
	return r.answer, r.id
}
