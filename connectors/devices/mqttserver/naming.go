package mqttserver

import "github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"

// naming is the topic aliases that the server has set for a client.
type naming struct {
	most uint16 // as many are taken by the client, and wanted by the dialect
	set  map[string]uint16
}

// aliasBytes is what an alias takes in a PUBLISH. Shorter topics have none.
const aliasBytes = 3

// alias puts a topic alias in the place of the topic, or beside it the first time.
func (f *five) alias(p *packet.Publish) {
	n := &f.naming
	if n.most == 0 || len(p.Topic) <= aliasBytes {
		return
	}
	alias, known := n.set[p.Topic]
	if !known {
		if alias = uint16(len(n.set)) + 1; len(n.set) >= int(n.most) {
			return
		}
	}
	named := *p
	named.Properties = p.Properties[:len(p.Properties):len(p.Properties)].AppendNumber(packet.TopicAlias, uint32(alias))
	if known {
		named.Topic = ""
	}
	if f.limit > 0 && uint64(named.Size5()) > uint64(f.limit) {
		return
	}
	if n.set == nil {
		n.set = map[string]uint16{}
	}
	n.set[p.Topic] = alias
	*p = named
}
