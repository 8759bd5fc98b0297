package crashtest

import (
	"github.com/gridtie/gridtie/registry"
)

// calls compares what is kept of the meter's calls with what was promised, and notes in m which answers are kept.
func (c *checker) calls(m *Meter, d registry.Device) error {
	if m.Renumbered {
		c.say(Double, d.Name, "a call came again as another one")
	}
	if m.Overtaken {
		c.say(HalfMade, d.Name, "calls did not come in their order")
	}
	if m.Answered {
		c.say(Double, d.Name, "a call came again after its answer was acknowledged")
	}
	if m.Uncalled {
		c.say(Unknown, d.Name, "a call came that nobody made")
	}
	rows := map[int]registry.Call{}
	err := all(func(p registry.Page) ([]registry.Call, string, error) { return c.r.Calls(c.ctx, d.ID, p) }, func(row registry.Call) {
		k := numberIn(row.Params, "call")
		if _, twice := rows[k]; twice {
			c.say(Double, d.Name, "call %d is there twice", k)
		}
		if k < 1 || k > len(m.Calls) {
			c.say(Unknown, d.Name, "there is a call that nobody made")
		}
		rows[k] = row
	})
	if err != nil {
		return err
	}
	for i := range m.Calls {
		row, there := rows[i+1]
		c.call(d.Name, i+1, &m.Calls[i], row, there)
	}
	return nil
}

func (c *checker) call(who string, k int, known *Call, row registry.Call, there bool) {
	switch {
	case !there && known.Accepted:
		c.say(Lost, who, "call %d was accepted, and is not there", k)
		return
	case !there:
		return
	case known.Accepted && row.ID != known.ID:
		c.say(Unknown, who, "call %d was accepted as another one", k)
	case known.Seen && row.Number == nil:
		c.say(Lost, who, "call %d came to the meter, and it is not kept as what", k)
	case known.Seen && *row.Number != known.Number:
		c.say(HalfMade, who, "call %d came as number %d, and is kept as number %d", k, known.Number, *row.Number)
	}
	switch kept := numberIn(row.Response, "answer"); {
	case row.Status != registry.CallSuccessful && known.Acked > 0:
		c.say(Lost, who, "the answer to call %d was acknowledged, and it is %s", k, row.Status)
	case row.Status == registry.CallExpired, row.Status == registry.CallFailed:
		c.say(Lost, who, "call %d is %s", k, row.Status)
	case row.Status != registry.CallSuccessful:
	case kept < 1 || kept > known.Answers:
		c.say(Unknown, who, "call %d has an answer that was not sent", k)
	case known.Acked > 0 && kept > known.Acked, known.Kept > 0 && kept != known.Kept:
		c.say(Double, who, "call %d was answered, and has another answer now", k)
	default:
		known.Kept = kept
	}
}
