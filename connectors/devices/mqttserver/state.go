package mqttserver

// state is what MQTT counts to a session and the server knows of it: what is to be sent, what is on its way, and what was
// received and not released. It is a connection's while there is one, guarded by Conn.mu, and moves from one to the next
// with the Session that keeps it.
type state struct {
	queue   ring[Message]
	flights ring[flight]
	bytes   int // of what is in queue, and of what is kept with flights
	lastID  uint16
	// held has the packet identifiers of QoS 2 messages of the client without PUBREL.
	held map[uint16]hold
}

// flight is a message on its way to the client, in the order of sending.
type flight struct {
	id       uint16
	qos      byte
	released bool // PUBREC has come: what is on its way now is a PUBREL
	counted  bool // against what the client takes at once
	// message is there as long as the PUBLISH may have to be sent again, on another connection.
	message *Message
	acked   func(ok bool) // may be nil
}

// hold is a QoS 2 message of the client.
type hold struct {
	recorded bool // there was a verdict, and PUBREC was sent or may be
	former   bool // it came with a former connection
	asked    bool // and again with this one, without a verdict so far
}

// flight is the index of the message with this identifier, or -1. Acknowledgements mostly come in order.
func (s *state) flight(id uint16) int {
	for i := range s.flights.n {
		if s.flights.at(i).id == id {
			return i
		}
	}
	return -1
}

// land takes a flight out.
func (s *state) land(i int) flight {
	f := s.flights.remove(i)
	s.drop(&f)
	return f
}

// release takes a PUBREC. Those that were released later than others go behind them, should their PUBRELs have to be sent
// again: they leave in the order of the PUBRECs [MQTT-4.6.0-4].
func (s *state) release(i int) {
	f := *s.flights.at(i)
	s.drop(&f)
	f.acked, f.released = nil, true
	last := i
	for j := i + 1; j < s.flights.n; j++ {
		if s.flights.at(j).released {
			last = j
		}
	}
	for ; i < last; i++ {
		*s.flights.at(i) = *s.flights.at(i + 1)
	}
	*s.flights.at(last) = f
}

// drop lets go of a flight's message.
func (s *state) drop(f *flight) {
	if f.message != nil {
		s.bytes -= f.message.size()
		f.message = nil
	}
}

// nextID finds a packet identifier that is not in use [MQTT-2.3.1-2]. There always is one: fewer messages than identifiers
// may be on their way.
func (s *state) nextID() uint16 {
	for {
		s.lastID++
		if s.lastID != 0 && s.flight(s.lastID) < 0 {
			return s.lastID
		}
	}
}

// fits reports whether a message more may wait, within so many and so many bytes, and drops what QoS 0 messages it has to
// for it, the oldest first; dropped is called for each.
func (s *state) fits(m *Message, messages, bytes int, dropped func()) bool {
	full := func() bool { return s.queue.n >= messages || s.bytes+m.size() > bytes }
	for i := 0; full() && i < s.queue.n; {
		if s.queue.at(i).QoS > 0 {
			i++
			continue
		}
		s.pull(i)
		dropped()
	}
	return !full()
}

func (s *state) push(m Message) {
	s.queue.push(m)
	s.bytes += m.size()
}

// pull takes a message out of the queue.
func (s *state) pull(i int) Message {
	m := s.queue.remove(i)
	s.bytes -= m.size()
	return m
}

// record says that a QoS 2 message of the client is taken; or else that it may come again, as a new one.
func (s *state) record(id uint16, taken bool) {
	h, known := s.held[id]
	switch {
	case !known || h.recorded:
	case taken:
		h.recorded = true
		s.held[id] = h
	default:
		delete(s.held, id)
	}
}

// park is what is left of s for another connection: what has QoS 0 is not, says MQTT 3.1.1 section 4.1 of what a session is.
// All that is on its way has to be sent again.
func (s *state) park(dropped func()) {
	for i := 0; i < s.queue.n; {
		if s.queue.at(i).QoS > 0 {
			i++
			continue
		}
		s.pull(i)
		dropped()
	}
	for i := range s.flights.n {
		s.flights.at(i).counted = false
	}
	for id, h := range s.held {
		h.former, h.asked = true, false
		s.held[id] = h
	}
}

// waiting are the functions that wait for an acknowledgement, of a state that is over.
func (s *state) waiting() (all []func(bool)) {
	for s.flights.n > 0 {
		if f := s.land(0); f.acked != nil {
			all = append(all, f.acked)
		}
	}
	for s.queue.n > 0 {
		if m := s.pull(0); m.Acked != nil {
			all = append(all, m.Acked)
		}
	}
	return all
}

// abandon tells everybody who waits for an acknowledgement that there will be none.
func abandon(waiting []func(bool)) {
	for _, acked := range waiting {
		acked(false)
	}
}
