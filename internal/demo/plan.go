package demo

import (
	"fmt"
	"math/rand/v2"

	"github.com/gridtie/gridtie/registry"
	"github.com/gridtie/gridtie/supplypoint"
)

// fault is what is wrong with a meter, on purpose.
type fault string

const (
	healthy            fault = ""
	wrongKey           fault = "wrong key"
	expiredKey         fault = "expired key"
	outOfScope         fault = "key outside its scope"
	badLetters         fault = "wrong check letters"
	unknownDistributor fault = "unknown distributor"
	takenPoint         fault = "supply point of another meter"
	noKey              fault = "no key"
	noPoint            fault = "no supply point"
	brokenJSON         fault = "broken JSON"
	sentTwice          fault = "the message twice"
)

// faults are the ways to be faulty, each as often as its weight.
func faults() []weighted[fault] {
	return []weighted[fault]{
		{wrongKey, 25},
		{expiredKey, 15},
		{outOfScope, 8},
		{badLetters, 22},
		{unknownDistributor, 10},
		{takenPoint, 12},
		{noKey, 6},
		{noPoint, 6},
		{brokenJSON, 8},
		{sentTwice, 8},
	}
}

// faultyPercent of all meters are.
const faultyPercent = 12

// outcomes that a meter with this fault must end with, in their order.
func (f fault) outcomes() []registry.Code {
	switch f {
	case wrongKey:
		return []registry.Code{registry.KeyUnknown}
	case expiredKey:
		return []registry.Code{registry.KeyExpired}
	case outOfScope:
		return []registry.Code{registry.KeyOutOfScope}
	case badLetters:
		return []registry.Code{registry.CUPSCheckFailed}
	case unknownDistributor:
		return []registry.Code{registry.DistributorUnknown}
	case takenPoint:
		return []registry.Code{registry.Held}
	case noKey:
		return []registry.Code{registry.KeyMissing}
	case noPoint:
		return []registry.Code{registry.CUPSMissing}
	case brokenJSON:
		return nil // it never becomes a message
	case sentTwice:
		return []registry.Code{registry.Attached, registry.AlreadyAttached}
	}
	return []registry.Code{registry.Attached}
}

// meter is one simulated meter: what it is, and what happens to it.
type meter struct {
	name   string
	fault  fault
	market market
	point  supplypoint.Point // that it asks for
	form   int               // of its payload: see payload
	basic  bool              // asks for MQTT_BASIC credentials, else for a token
	waits  bool              // subscribes to be told, else asks

	progress
}

// late says that the meter speaks when the others have: it needs one of them to be there before.
func (m *meter) late() bool { return m.fault == takenPoint }

// holds says that the meter must end attached.
func (m *meter) holds() bool { return m.fault == healthy || m.fault == sentTwice }

// plan is the fleet and its world.
type plan struct {
	suppliers []supplier
	meters    []*meter
}

// newPlan depends on the number of meters and the seed alone.
func newPlan(meters int, seed uint64) *plan {
	p := &plan{suppliers: suppliers()}
	random := rand.New(rand.NewPCG(seed, 0)) // the same again for the same seed: that is the point
	var where []weighted[market]
	for _, m := range markets() {
		where = append(where, weighted[market]{m, m.weight})
	}
	for i := range meters {
		m := &meter{
			name: fmt.Sprintf("meter-%05d", i+1), market: pick(random, where),
			form: random.IntN(forms), basic: random.IntN(2) == 0, waits: random.IntN(2) == 0,
		}
		m.point = supplypoint.Synthetic(m.market.distributor, uint64(i)+1)
		p.meters = append(p.meters, m)
	}
	p.spoil(random)
	return p
}

// spoil makes some of the meters faulty.
func (p *plan) spoil(random *rand.Rand) {
	order := random.Perm(len(p.meters))
	number := (len(p.meters)*faultyPercent + 50) / 100
	kinds := faults()
	holders := order[number:]
	for i, at := range order[:number] {
		m := p.meters[at]
		m.fault = pick(random, kinds)
		if i < len(kinds) && number >= len(kinds) {
			m.fault = kinds[i].value // one of each, if there is room
		}
		number := uint64(at) + 1
		switch m.fault {
		case expiredKey:
			m.market = market{supplier: brezo, distributor: "0022", grid: "0022"}
		case outOfScope:
			m.market = market{supplier: cometa, distributor: "0031", grid: "0031"}
		case unknownDistributor:
			m.market = market{supplier: m.market.supplier, distributor: noDistributor}
		case sentTwice, takenPoint, wrongKey, badLetters, noKey, noPoint, brokenJSON, healthy:
		}
		m.point = supplypoint.Synthetic(m.market.distributor, number)
		if m.fault == takenPoint {
			holder := p.meters[holders[random.IntN(len(holders))]]
			m.point, m.market = holder.point, holder.market
			m.market.supplier = alba // whose key may attach anywhere
		}
	}
}

// weighted is a value that is picked as often as its weight says.
type weighted[T any] struct {
	value  T
	weight int
}

func pick[T any](random *rand.Rand, from []weighted[T]) T {
	total := 0
	for _, w := range from {
		total += w.weight
	}
	at := random.IntN(total)
	for _, w := range from {
		if at -= w.weight; at < 0 {
			return w.value
		}
	}
	panic("unreachable: the weights add up to the total")
}
