package registry

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/gridtie/gridtie/supplypoint"
)

// State is where an attachment stands.
type State string

const (
	StateActive   State = "active"
	StateDetached State = "detached" // closed; kept as history
	StateHeld     State = "held"     // an operator has to decide
)

// Role is what a meter measures at its supply point.
type Role string

const (
	RolePrincipal Role = "P" // at most one active attachment of a supply point has this role
	RoleRedundant Role = "R"
	RoleCheck     Role = "C"
)

// Evidence is on what an attachment was decided.
type Evidence struct {
	Message     string    `json:"message"`
	Chain       string    `json:"chain"`
	Node        string    `json:"node"`
	Revision    string    `json:"revision"` // of the chain set
	MessageTime time.Time `json:"messageTime,omitzero"`
	ReceivedAt  time.Time `json:"receivedAt"` // by the server: key windows are judged at this time; zero: now
	DecidedAt   time.Time `json:"decidedAt"`  // set by the registry
}

// Attachment says that a device measures a supply point for a supplier, from when to when.
type Attachment struct {
	ID       string             `json:"id"` // rises with time
	Device   string             `json:"device"`
	Point    supplypoint.Point  `json:"-"` // Point.ID is the clear text
	Scheme   supplypoint.Scheme `json:"scheme"`
	CUPS     string             `json:"cups"` // masked
	Supplier string             `json:"supplier"`
	Grid     string             `json:"grid"`
	GridBy   string             `json:"gridBy"`
	Key      string             `json:"key"` // id
	State    State              `json:"state"`
	Role     Role               `json:"role"`
	From     time.Time          `json:"from"`
	To       time.Time          `json:"to,omitzero"` // zero while active
	Evidence Evidence           `json:"evidence"`

	// Reason and Owner say why it is held: CUPS_TAKEN with the masked name of the device that has the point, or
	// DEVICE_ATTACHED_ELSEWHERE.
	Reason Code   `json:"reason,omitempty"`
	Owner  string `json:"owner,omitempty"`
}

// attachmentRow is an attachment with its supply point in clear.
type attachmentRow struct {
	Attachment
	PointID string `json:"point"`
	Suffix  string `json:"suffix,omitempty"`
}

// noun completes an attachment with its point.
func (a *attachmentRow) noun() (Attachment, error) {
	p, err := supplypoint.FromID(a.Scheme, a.PointID, a.Suffix)
	if err != nil {
		return Attachment{}, fmt.Errorf("attachment %q of device %q: %w", a.ID, a.Device, err)
	}
	a.Point = p
	return a.Attachment, nil
}

func (a *attachmentRow) same(p supplypoint.Point) bool {
	return a.Scheme == p.Scheme() && a.PointID == p.ID()
}

// attachments are the active ones and the history. What is active sorts before what was.
var attachments = table[attachmentRow]{
	name: "attachment",
	key:  func(a *attachmentRow) tuple { return attachmentKey(a.Device, a.ID) },
	index: func(a *attachmentRow, add func(tuple, []byte)) {
		add(keyOf("attachment/supplier").text(a.Supplier).text(string(a.State)).text(a.Device).text(a.ID), nil)
		add(keyOf("attachment/grid").text(a.Grid).text(string(a.State)).text(a.Device).text(a.ID), nil)
		add(keyOf("attachment/key").text(a.Key).text(string(a.State)).text(a.Device).text(a.ID), nil)
		add(keyOf("attachment/point").text(string(a.Scheme)).text(a.PointID).text(string(a.State)).text(a.Device).text(a.ID), nil)
		if a.State != StateActive {
			return
		}
		add(keyOf("attachment/active").text(a.Device), a.ref())
		if a.Role == RolePrincipal {
			add(principalKey(a.Scheme, a.PointID), a.ref())
		}
	},
	indexes: []string{
		"attachment/supplier", "attachment/grid", "attachment/key", "attachment/point",
		"attachment/active", "attachment/principal",
	},
}

// held are the conflicts that wait for an operator, the latest of each device.
var held = table[attachmentRow]{
	name: "held",
	key:  func(a *attachmentRow) tuple { return keyOf("held").text(a.Device) },
}

func attachmentKey(device, id string) tuple { return keyOf("attachment").text(device).text(id) }

// principalKey is the claim on a supply point.
func principalKey(scheme supplypoint.Scheme, id string) tuple {
	return keyOf("attachment/principal").text(string(scheme)).text(id)
}

// attachmentRef is how an index row names an attachment.
type attachmentRef struct {
	Device string `json:"d"`
	ID     string `json:"i"`
}

// ref is written by hand: both parts are hexadecimal digits and hyphens.
func (a *attachmentRow) ref() []byte {
	return []byte(`{"d":"` + a.Device + `","i":"` + a.ID + `"}`)
}

// activeOf reads the active attachment of a device, nil if it has none.
func (t *Tx) activeOf(ctx context.Context, device string) (*attachmentRow, error) {
	ref, err := readRow[attachmentRef](ctx, t, "attachment/active", keyOf("attachment/active").text(device), true)
	if err != nil || ref == nil {
		return nil, err
	}
	return attachments.get(ctx, t, attachmentKey(ref.Device, ref.ID))
}

// Attachment returns the active attachment of a device, without one the held one, else ErrNotFound.
func (r *Registry) Attachment(ctx context.Context, device string) (Attachment, error) {
	var found Attachment
	err := r.read(ctx, func(t *Tx) error {
		return t.view(ctx, func() error {
			row, err := t.activeOf(ctx, device)
			if err == nil && row == nil {
				row, err = held.get(ctx, t, keyOf("held").text(device))
			}
			if err != nil {
				return err
			}
			if row == nil {
				return fmt.Errorf("attachment of device %q: %w", device, ErrNotFound)
			}
			found, err = row.noun()
			return err
		})
	})
	return found, err
}

// History returns the attachments of a device, newest first, the active one among them.
func (r *Registry) History(ctx context.Context, device string) ([]Attachment, error) {
	var all []Attachment
	err := r.read(ctx, func(t *Tx) error {
		rows, err := attachments.all(ctx, t, keyOf(attachments.name).text(device))
		if err != nil {
			return err
		}
		slices.Reverse(rows)
		all, err = nouns(rows)
		return err
	})
	return all, err
}

func nouns(rows []*attachmentRow) ([]Attachment, error) {
	var all []Attachment
	for _, row := range rows {
		a, err := row.noun()
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return all, nil
}

// AttachmentsOfKey lists what was attached with a key, the active ones first.
func (r *Registry) AttachmentsOfKey(ctx context.Context, key string, p Page) (as []Attachment, next string, err error) {
	return r.attachmentsIn(ctx, keyOf("attachment/key").text(key), p)
}

// AttachmentsOfSupplier lists the attachments of a supplier, the active ones first.
func (r *Registry) AttachmentsOfSupplier(ctx context.Context, supplier string, p Page) (as []Attachment, next string, err error) {
	return r.attachmentsIn(ctx, keyOf("attachment/supplier").text(supplier), p)
}

// AttachmentsOfGrid lists the attachments in a grid, the active ones first.
func (r *Registry) AttachmentsOfGrid(ctx context.Context, grid string, p Page) (as []Attachment, next string, err error) {
	return r.attachmentsIn(ctx, keyOf("attachment/grid").text(grid), p)
}

// AttachmentsOfPoint lists the attachments of a supply point, the active ones first.
func (r *Registry) AttachmentsOfPoint(ctx context.Context, pt supplypoint.Point, p Page) (as []Attachment, next string, err error) {
	return r.attachmentsIn(ctx, keyOf("attachment/point").text(string(pt.Scheme())).text(pt.ID()), p)
}

func (r *Registry) attachmentsIn(ctx context.Context, index tuple, p Page) (as []Attachment, next string, err error) {
	err = r.read(ctx, func(t *Tx) error {
		return t.view(ctx, func() (err error) {
			next, err = t.page(ctx, index, p, false, func(key, _ []byte) (bool, error) {
				rest, id := cutText(key)
				row, err := attachments.peek(ctx, t, attachmentKey(lastText(rest), id))
				if err != nil || row == nil {
					return false, err
				}
				a, err := row.noun()
				as = append(as, a)
				return true, err
			})
			return err
		})
	})
	return as, next, err
}

// HeldAttachments lists the conflicts that wait for an operator, by device.
func (r *Registry) HeldAttachments(ctx context.Context, p Page) (as []Attachment, next string, err error) {
	err = r.read(ctx, func(t *Tx) error {
		rows, more, err := held.page(ctx, t, keyOf(held.name), p, false, nil)
		if err != nil {
			return err
		}
		next = more
		as, err = nouns(rows)
		return err
	})
	return as, next, err
}
