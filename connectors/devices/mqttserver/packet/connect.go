package packet

import "unicode/utf8"

// Connect is a CONNECT. Client identifier, user name and password are all credentials for some devices, so the type
// prints and marshals none of them.
type Connect struct {
	Version      Version
	CleanSession bool
	// KeepAlive in seconds; 0 switches it off.
	KeepAlive   uint16
	ClientID    string `json:"-"`
	HasUserName bool
	UserName    string `json:"-"`
	HasPassword bool
	Password    []byte `json:"-"`
	Will        *Will  `json:"-"`
	// Properties are those of MQTT 5, else nil.
	Properties Properties `json:"-"`
}

// Will is the message that a client wants sent should it go without a DISCONNECT.
type Will struct {
	Topic   string
	Payload []byte
	QoS     byte
	Retain  bool
	// Properties are those of MQTT 5, else nil.
	Properties Properties
}

// String shows nothing that came from the client.
func (Connect) String() string { return "CONNECT" }

// GoString shows nothing that came from the client.
func (Connect) GoString() string { return "packet.Connect{…}" }

const (
	flagReserved = 1 << iota
	flagCleanSession
	flagWill
	_ // will QoS, two bits
	_
	flagWillRetain
	flagPassword
	flagUserName
)

// maxClientID31 is the longest client identifier of MQTT 3.1, in characters; 3.1.1 only asks servers for that much.
const maxClientID31 = 23

// Decode reads the body of a CONNECT. An error is an *Error: with BadVersion only Version is set; with BadIdentifier
// the packet is otherwise sound and p is complete.
func (p *Connect) Decode(body []byte) error {
	*p = Connect{}
	f := fields{rest: body}
	name := string(f.binary())
	level := Version(f.byte())
	if f.err != nil {
		return f.err
	}
	if name != "MQTT" && name != "MQIsdp" {
		return errProtocolName
	}
	p.Version = level
	if !(name == "MQTT" && level == V311 || name == "MQIsdp" && level == V31) {
		return errVersion
	}
	flags := f.byte()
	p.KeepAlive = f.uint16()
	if f.err != nil {
		return f.err
	}
	if level == V31 {
		flags = settle31(flags)
	}
	if err := checkConnectFlags(flags); err != nil {
		return err
	}
	p.CleanSession = flags&flagCleanSession != 0
	p.ClientID = string(f.text())
	if flags&flagWill != 0 {
		p.Will = decodeWill(&f, flags)
	}
	// MQTT 3.1 section 3.1: the remaining length takes precedence over these two flags.
	lenient := level == V31
	if flags&flagUserName != 0 && !(lenient && f.err == nil && len(f.rest) == 0) {
		p.HasUserName = true
		p.UserName = string(f.text())
	}
	if flags&flagPassword != 0 && !(lenient && f.err == nil && len(f.rest) == 0) {
		p.HasPassword = true
		p.Password = append([]byte(nil), f.binary()...)
	}
	if err := f.end(); err != nil {
		return err
	}
	if !validClientID(p.ClientID, level, p.CleanSession) {
		return errIdentifier
	}
	return nil
}

// settle31 clears what MQTT 3.1 calls reserved, and the will bits that it disregards when there is no will.
func settle31(flags byte) byte {
	flags &^= flagReserved
	if flags&flagWill == 0 {
		flags &^= 0x18 | flagWillRetain
	}
	return flags
}

func checkConnectFlags(flags byte) error {
	willQoS := flags >> 3 & 0x03
	switch {
	case flags&flagReserved != 0:
		return errConnectFlag
	case flags&flagWill == 0 && willQoS != 0:
		return errWillQoSUnset
	case flags&flagWill == 0 && flags&flagWillRetain != 0:
		return errWillRetain
	case willQoS == 3:
		return errWillQoS
	case flags&flagUserName == 0 && flags&flagPassword != 0:
		return errPasswordAlone
	}
	return nil
}

func decodeWill(f *fields, flags byte) *Will {
	topic := f.text()
	if f.err == nil {
		if err := checkTopic(topic); err != nil {
			f.fail(err)
		}
	}
	return &Will{
		Topic:   string(topic),
		Payload: append([]byte(nil), f.binary()...),
		QoS:     flags >> 3 & 0x03,
		Retain:  flags&flagWillRetain != 0,
	}
}

func validClientID(id string, v Version, clean bool) bool {
	if v == V31 {
		return id != "" && utf8.RuneCountInString(id) <= maxClientID31
	}
	return id != "" || clean
}

// Append appends the packet, header included. Fields longer than 65,535 bytes make a broken packet.
func (p *Connect) Append(dst []byte) []byte {
	name, flags := "MQTT", byte(0)
	if p.Version == V31 {
		name = "MQIsdp"
	}
	n := 2 + len(name) + 4 + 2 + len(p.ClientID)
	five := p.Version == V5
	if five {
		n += p.Properties.size()
	}
	if p.CleanSession {
		flags |= flagCleanSession
	}
	if w := p.Will; w != nil {
		flags |= flagWill | w.QoS<<3
		if w.Retain {
			flags |= flagWillRetain
		}
		n += 4 + len(w.Topic) + len(w.Payload)
		if five {
			n += w.Properties.size()
		}
	}
	if p.HasUserName {
		flags |= flagUserName
		n += 2 + len(p.UserName)
	}
	if p.HasPassword {
		flags |= flagPassword
		n += 2 + len(p.Password)
	}
	dst = AppendHeader(dst, Header{Type: CONNECT, Length: n})
	dst = appendBinary(dst, name)
	dst = appendUint16(append(dst, byte(p.Version), flags), p.KeepAlive)
	if five {
		dst = appendProperties(dst, p.Properties)
	}
	dst = appendBinary(dst, p.ClientID)
	if w := p.Will; w != nil {
		if five {
			dst = appendProperties(dst, w.Properties)
		}
		dst = appendBinary(appendBinary(dst, w.Topic), w.Payload)
	}
	if p.HasUserName {
		dst = appendBinary(dst, p.UserName)
	}
	if p.HasPassword {
		dst = appendBinary(dst, p.Password)
	}
	return dst
}

// AppendConnack appends a CONNACK with session present 0 in the form of version v. A version that is neither 3.1 nor
// 3.1.1 nor 5.0 gets the form of 3.1.1.
func AppendConnack(dst []byte, v Version, code byte) []byte {
	if v == V5 {
		return append(dst, byte(CONNACK)<<4, 3, 0, code, 0) // no properties
	}
	return append(dst, byte(CONNACK)<<4, 2, 0, code)
}
