package crashtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/registry"
)

// Check holds a registry, in which every message that waited has been run, against what clients know. The registry must
// have been furnished, and run by Chains. An error means that it could not be read.
func Check(ctx context.Context, r *registry.Registry, meters []Meter) (Findings, error) {
	c := &checker{ctx: ctx, r: r, devices: map[string]registry.Device{}, provisioned: map[string]int{}, principal: map[string]string{}}
	for _, err := range r.Check(ctx) {
		c.say(HalfMade, "registry", "%v", err)
	}
	if err := c.dump(); err != nil {
		return nil, fmt.Errorf("reading the registry: %w", err)
	}
	for i := range meters {
		m := &meters[i]
		d, there := c.devices[name(m.Number)]
		delete(c.devices, name(m.Number))
		if err := c.meter(m, d, there); err != nil {
			return nil, fmt.Errorf("reading what is known of %s: %w", name(m.Number), err)
		}
	}
	for who := range c.devices {
		c.say(Unknown, who, "there is such a device")
	}
	return c.found, nil
}

type checker struct {
	ctx   context.Context
	r     *registry.Registry
	found Findings

	devices     map[string]registry.Device // by name; those of meters are taken out one after another
	provisioned map[string]int             // PROVISIONED in the list of outcomes, by name
	principal   map[string]string          // supply point → device that is attached to it
}

func (c *checker) say(f Fault, where, format string, args ...any) {
	c.found = append(c.found, Finding{Fault: f, Where: where, What: fmt.Sprintf(format, args...)})
}

// all walks through every page of a list.
func all[T any](list func(registry.Page) ([]T, string, error), each func(T)) error {
	page := registry.Page{Limit: 1000}
	for {
		items, next, err := list(page)
		if err != nil {
			return err
		}
		for _, item := range items {
			each(item)
		}
		if next == "" {
			return nil
		}
		page.Cursor = next
	}
}

func (c *checker) dump() error {
	err := all(func(p registry.Page) ([]registry.Device, string, error) { return c.r.Devices(c.ctx, p) },
		func(d registry.Device) {
			if _, twice := c.devices[d.Name]; twice {
				c.say(Double, d.Name, "two devices have that name")
			}
			c.devices[d.Name] = d
		})
	if err != nil {
		return err
	}
	return all(func(p registry.Page) ([]registry.Outcome, string, error) {
		return c.r.Outcomes(c.ctx, registry.OutcomeFilter{Code: registry.DeviceProvisioned}, p)
	}, func(o registry.Outcome) { c.provisioned[o.DeviceName]++ })
}

// meter checks one meter against its device.
func (c *checker) meter(m *Meter, d registry.Device, there bool) error {
	who := name(m.Number)
	if m.LockedOut {
		c.say(Lost, who, "it was refused credentials that it may ask for again")
	}
	if m.Confused {
		c.say(Double, who, "it was given two different credentials")
	}
	switch {
	case !there && m.Answers > 0:
		c.say(Lost, who, "its provisioning was acknowledged and there is no device")
		return nil
	case !there:
		return nil
	case m.Asked == 0:
		c.say(Unknown, who, "it has not asked for credentials and there is a device")
	}
	if err := errors.Join(c.credentials(m, d), c.events(m, d)); err != nil {
		return err
	}
	outcomes, err := c.outcomes(m, d)
	if err != nil {
		return err
	}
	return errors.Join(c.values(m, d, outcomes), c.attachment(m, d, outcomes), c.calls(m, d))
}

// credentials lets the meter in with exactly what it was given, and with nothing else. One that was told nothing is not
// let in: it may ask again only as long as nobody has come with its credentials.
func (c *checker) credentials(m *Meter, d registry.Device) error {
	if _, err := c.r.RevealCredentials(c.ctx, d.ID); errors.Is(err, registry.ErrNotFound) {
		c.say(HalfMade, d.Name, "a device without credentials")
		return nil
	} else if err != nil {
		return err
	}
	if m.Answers == 0 {
		return nil
	}
	login := loginOf(m.Credentials)
	switch in, err := c.r.Authenticate(c.ctx, login); {
	case err != nil:
		c.say(Lost, d.Name, "it is not let in with the credentials that it was given: %v", err)
	case in.ID != d.ID:
		c.say(HalfMade, d.Name, "its credentials belong to another device")
	}
	if m.Credentials.Type == registry.MQTTBasic {
		login.Password = secret.NewText(login.Password.Reveal() + "x")
	} else {
		login.UserName = secret.NewText(login.UserName.Reveal() + "x")
	}
	if _, err := c.r.Authenticate(c.ctx, login); err == nil {
		c.say(Unknown, d.Name, "it is let in with other credentials, too")
	}
	return nil
}

func loginOf(c registry.Credentials) registry.Login {
	if c.Type == registry.MQTTBasic {
		return registry.Login{ClientID: c.ClientID, UserName: c.UserName, Password: c.Password, HasUserName: true, HasPassword: true}
	}
	return registry.Login{UserName: c.Token, HasUserName: true}
}

// events counts what the events of provisioning have left behind.
func (c *checker) events(m *Meter, d registry.Device) error {
	counts := map[string]int{"created": 0, "provisioned": 0}
	saved, err := c.r.Attributes(c.ctx, d.ID, registry.ServerScope)
	if err != nil {
		return err
	}
	for _, a := range saved {
		var n int
		if json.Unmarshal(a.Value, &n) != nil {
			c.say(Unknown, d.Name, "server attribute %q is no number", a.Key)
		}
		counts[a.Key] = n
	}
	if n := counts["created"]; n < 1 {
		c.say(Lost, d.Name, "ENTITY_CREATED was not run")
	} else if n > 1 {
		c.say(Double, d.Name, "ENTITY_CREATED was run %d times", n)
	}
	if n, outcomes := counts["provisioned"], c.provisioned[d.Name]; n < outcomes {
		c.say(Lost, d.Name, "PROVISION_SUCCESS was run %d times for %d outcomes", n, outcomes)
	} else if n > outcomes {
		c.say(Double, d.Name, "PROVISION_SUCCESS was run %d times for %d outcomes", n, outcomes)
	}
	c.within(d.Name, "PROVISIONED", c.provisioned[d.Name], max(m.Answers, 1), m.Asked)
	return nil
}

func (c *checker) within(who, what string, got, least, most int) {
	switch {
	case got < least:
		c.say(Lost, who, "%d times %s, at least %d were acknowledged", got, what, least)
	case got > most:
		c.say(Double, who, "%d times %s, at most %d were asked for", got, what, most)
	}
}

// outcomes returns what came of the meter's attributes messages, oldest first.
func (c *checker) outcomes(m *Meter, d registry.Device) ([]registry.Outcome, error) {
	var outcomes []registry.Outcome
	err := all(func(p registry.Page) ([]registry.Outcome, string, error) {
		return c.r.Outcomes(c.ctx, registry.OutcomeFilter{Device: d.ID}, p)
	}, func(o registry.Outcome) { outcomes = append(outcomes, o) })
	if err != nil {
		return nil, err
	}
	slices.Reverse(outcomes)
	letters := 0
	err = all(func(p registry.Page) ([]registry.DeadLetter, string, error) {
		return c.r.DeadLetters(c.ctx, registry.DeadLetterFilter{Device: d.ID}, p)
	}, func(l registry.DeadLetter) {
		letters++
		if !strings.Contains(l.Data, "poison") {
			c.say(Unknown, d.Name, "a message that should not fail is a dead letter: %s", l.Cause)
		}
	})
	if err != nil {
		return nil, err
	}
	poison, least := 0, 0
	if poisonous(m.Number, min(m.Sent, 1)) {
		poison = 1
	}
	if m.Poisoned {
		least = 1
	}
	c.within(d.Name, "dead letter", letters, least, poison)
	c.within(d.Name, "an outcome", len(outcomes), m.Acks, m.Sent-poison)
	for i, o := range outcomes {
		if want := expected(m.Number, i, outcomes[0].Code); o.Code != want {
			c.say(HalfMade, d.Name, "outcome %d is %s, want %s", i+1, o.Code, want)
		}
		if slices.ContainsFunc(outcomes[:i], func(before registry.Outcome) bool { return before.Message == o.Message }) {
			c.say(Double, d.Name, "two outcomes of message %s", o.Message)
		}
	}
	return outcomes, nil
}

// expected is the i-th outcome of a meter. Which of two twins is held is for the first outcome to say.
func expected(n, i int, first registry.Code) registry.Code {
	switch {
	case characterOf(n) == stranger:
		return registry.KeyUnknown
	case characterOf(n) == twin && first == registry.Held:
		return registry.Held
	case i == 0:
		return registry.Attached
	}
	return registry.AlreadyAttached
}

// values looks at what the messages wrote beside the attachment.
func (c *checker) values(m *Meter, d registry.Device, outcomes []registry.Outcome) error {
	sent, err := c.r.Attributes(c.ctx, d.ID, registry.ClientScope)
	if err != nil {
		return err
	}
	newest := 0
	for _, a := range sent {
		switch a.Key {
		case "n":
			if err := json.Unmarshal(a.Value, &newest); err != nil {
				c.say(Unknown, d.Name, "client attribute n is no number")
			}
		case "poison":
			c.say(HalfMade, d.Name, "a message that became a dead letter has written")
		}
	}
	if newest < m.Last {
		c.say(Lost, d.Name, "message %d was acknowledged, and the attributes are those of message %d", m.Last, newest)
	}
	if newest > m.Sent {
		c.say(Unknown, d.Name, "the attributes are those of message %d of %d", newest, m.Sent)
	}
	told, err := c.r.Attributes(c.ctx, d.ID, registry.SharedScope, "attachment")
	if err != nil {
		return err
	}
	var report struct{ Message string }
	if len(told) > 0 {
		if err := json.Unmarshal(told[0].Value, &report); err != nil {
			c.say(Unknown, d.Name, "what it is told is not an object")
		}
	}
	last := ""
	if len(outcomes) > 0 {
		last = outcomes[len(outcomes)-1].Message
	}
	if report.Message != last {
		c.say(HalfMade, d.Name, "it is told about message %q, and its last outcome is that of %q", report.Message, last)
	}
	return nil
}

// attachment compares what the meter is attached to with the outcomes.
func (c *checker) attachment(m *Meter, d registry.Device, outcomes []registry.Outcome) error {
	history, err := c.r.History(c.ctx, d.ID)
	if err != nil {
		return err
	}
	var active []registry.Attachment
	for _, a := range history {
		if a.State == registry.StateActive {
			active = append(active, a)
		}
	}
	if len(active) > 1 {
		c.say(Double, d.Name, "%d active attachments", len(active))
	}
	attached := len(outcomes) > 0 && outcomes[0].Code == registry.Attached
	switch {
	case len(active) == 0 && attached && m.Acks > 0:
		c.say(Lost, d.Name, "its outcome is ATTACHED, and it is not")
	case len(active) == 0 && attached:
		c.say(HalfMade, d.Name, "its outcome is ATTACHED, and it is not")
	case len(active) > 0 && !attached:
		c.say(HalfMade, d.Name, "it is attached, and no outcome says so")
	}
	for _, a := range active {
		if attached && a.Evidence.Message != outcomes[0].Message {
			c.say(HalfMade, d.Name, "it was attached by message %q, and the outcome is that of %q", a.Evidence.Message, outcomes[0].Message)
		}
		if a.Point.ID() != pointOf(m.Number).ID() || a.Supplier != supplier || a.Grid != distributor {
			c.say(Unknown, d.Name, "it is attached to %s, %s, grid %s", a.CUPS, a.Supplier, a.Grid)
		}
		if other, taken := c.principal[a.Point.ID()]; taken && a.Role == registry.RolePrincipal {
			c.say(Double, d.Name, "%s is attached to the same supply point", other)
		}
		c.principal[a.Point.ID()] = d.Name
	}
	if len(outcomes) > 0 && outcomes[0].Code == registry.Held {
		if a, err := c.r.Attachment(c.ctx, d.ID); err != nil || a.State != registry.StateHeld {
			c.say(HalfMade, d.Name, "its outcome is HELD, and nothing is")
		}
	}
	return nil
}
