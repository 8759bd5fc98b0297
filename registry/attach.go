package registry

import (
	"context"
	"fmt"
	"time"

	"github.com/gridtie/gridtie/registry/store"
	"github.com/gridtie/gridtie/supplypoint"
)

// AttachRequest asks for an attachment by ids, as match.supplier and match.grid found them.
type AttachRequest struct {
	Device   string // id
	Point    supplypoint.Point
	Supplier string // empty: the key's
	Key      string // id
	Grid     string // id
	GridBy   string
	Role     Role // empty: from the point's suffix (R and C), else principal
	Evidence Evidence
}

// Attach attaches a device to a supply point, a supplier and a grid. It decides again on all that may have changed since
// the ids were found: the key's state, window and scope, the supplier's allow-list, the grid. What came out is the code:
//
//   - ATTACHED: a new attachment. ALREADY_ATTACHED: the one that there was; supplier and supply point are the same.
//   - REPLACED: the former attachment was closed and a new one opened, as the supplier's policy says, or because the
//     supply point has moved to another grid.
//   - HELD: a conflict, kept for an operator ([Registry.HeldAttachments]); the returned attachment says why.
//   - Any other code: refused, and nothing was written.
//
// ErrNotFound means that the device is gone.
func (r *Registry) Attach(ctx context.Context, req AttachRequest) (Attachment, Code, error) {
	var a Attachment
	var code Code
	err := r.run(ctx, func(t *Tx) error {
		return t.view(ctx, func() (err error) {
			a, code, err = t.attach(ctx, req)
			return err
		})
	})
	if err != nil {
		return Attachment{}, "", fmt.Errorf("attaching device %q: %w", req.Device, err)
	}
	return a, code, nil
}

// party is who asks, once it may.
type party struct {
	device      *Device
	key         *keyRow
	supplier    *Supplier
	distributor Distributor
}

func (t *Tx) attach(ctx context.Context, req AttachRequest) (Attachment, Code, error) {
	now := t.r.now()
	req.Evidence.DecidedAt = now
	if req.Evidence.ReceivedAt.IsZero() {
		req.Evidence.ReceivedAt = now
	}
	who, code, err := t.mayAttach(ctx, req)
	if err != nil || code != "" {
		return Attachment{}, code, err
	}
	active, err := t.activeOf(ctx, req.Device)
	if err != nil {
		return Attachment{}, "", err
	}
	same := active != nil && active.Supplier == who.supplier.ID && active.same(req.Point)
	if same && active.Grid == req.Grid {
		a, err := active.noun()
		return a, AlreadyAttached, err
	}
	if ok, err := t.allowed(ctx, who.supplier, req.Point); err != nil || !ok {
		return Attachment{}, CUPSUnknown, err
	}
	if full, err := t.exhausted(ctx, who.key, active); err != nil || full {
		return Attachment{}, KeyExhausted, err
	}
	row := newAttachment(t, req, who, now)
	reason, owner, err := t.conflict(ctx, row, active, who.supplier, same)
	if err != nil {
		return Attachment{}, "", err
	}
	if reason != "" {
		row.State, row.Reason, row.Owner = StateHeld, reason, owner
		a, err := t.hold(ctx, row)
		return a, Held, err
	}
	code = Attached
	if active != nil {
		code = Replaced
		if err := t.closeAttachment(active, now); err != nil {
			return Attachment{}, "", err
		}
	}
	if err := t.openAttachment(ctx, row, who.distributor); err != nil {
		return Attachment{}, "", err
	}
	return row.Attachment, code, nil
}

// mayAttach reads who asks, and decides what depends on no attachment.
func (t *Tx) mayAttach(ctx context.Context, req AttachRequest) (who party, code Code, err error) {
	if who.device, err = t.device(ctx, req.Device); err != nil {
		return who, "", err
	}
	switch {
	case req.Key == "":
		return who, KeyMissing, nil
	case req.Point.IsZero():
		return who, CUPSMissing, nil
	}
	if who.key, err = supplierKeys.get(ctx, t, keyKey(req.Key)); err != nil {
		return who, "", err
	}
	switch {
	case who.key == nil:
		return who, KeyUnknown, nil
	case req.Supplier != "" && who.key.Supplier != req.Supplier:
		return who, SupplierMismatch, nil
	}
	if code := who.key.judge(req.Evidence.ReceivedAt); code != "" {
		return who, code, nil
	}
	if who.supplier, err = t.supplier(ctx, who.key.Supplier); err != nil {
		return who, "", err
	}
	directory, err := t.directory(ctx)
	if err != nil {
		return who, "", err
	}
	who.distributor, _ = directory.distributor(req.Point)
	commodity := who.distributor.Commodity
	if _, ok := directory.grids[req.Grid]; !ok {
		return who, GridNotFound, nil
	}
	switch {
	case who.supplier.Commodity != "" && commodity != "" && commodity != who.supplier.Commodity:
		return who, CommodityMismatch, nil
	case !who.key.Scope.holds(directory, req.Point, req.Grid):
		return who, KeyOutOfScope, nil
	}
	return who, "", nil
}

// exhausted counts the open attachments of a key that has a maximum; one that is about to be replaced does not count.
func (t *Tx) exhausted(ctx context.Context, k *keyRow, active *attachmentRow) (bool, error) {
	if k.MaxAttachments == 0 {
		return false, nil
	}
	left := k.MaxAttachments
	if active != nil && active.Key == k.ID {
		left++
	}
	from, to := store.Prefix(keyOf("attachment/key").text(k.ID).text(string(StateActive)))
	err := t.scan(ctx, from, to, false, func(_, _ []byte) (bool, error) {
		left--
		return left > 0, nil
	})
	return left <= 0, err
}

func newAttachment(t *Tx, req AttachRequest, who party, now time.Time) *attachmentRow {
	return &attachmentRow{
		Attachment: Attachment{
			ID: t.r.nextID(), Device: req.Device, Point: req.Point, Scheme: req.Point.Scheme(), CUPS: req.Point.Mask(),
			Supplier: who.supplier.ID, Grid: req.Grid, GridBy: req.GridBy, Key: who.key.ID,
			State: StateActive, Role: roleOf(req), From: now, Evidence: req.Evidence,
		},
		PointID: req.Point.ID(), Suffix: req.Point.Suffix(),
	}
}

// roleOf reads the role from the border point's letter: R is a redundant meter, C one that checks.
func roleOf(req AttachRequest) Role {
	if req.Role != "" {
		return req.Role
	}
	if suffix := req.Point.Suffix(); len(suffix) == 2 {
		switch role := Role(suffix[1:]); role {
		case RoleRedundant, RoleCheck:
			return role
		}
	}
	return RolePrincipal
}

// conflict tells why an attachment cannot be opened now.
func (t *Tx) conflict(ctx context.Context, row, active *attachmentRow, s *Supplier, same bool) (reason Code, owner string, err error) {
	if row.Role == RolePrincipal {
		ref, err := readRow[attachmentRef](ctx, t, "attachment/principal", principalKey(row.Scheme, row.PointID), true)
		if err != nil {
			return "", "", err
		}
		if ref != nil && ref.Device != row.Device {
			holder, err := devices.peek(ctx, t, deviceKey(ref.Device))
			if holder != nil {
				owner = maskName(holder.Name)
			}
			return CUPSTaken, owner, err
		}
	}
	switch {
	case active == nil, same, s.Policy == PolicyReplace, s.Policy == PolicySame && active.Supplier == s.ID:
		return "", "", nil
	}
	return DeviceAttachedElsewhere, "", nil
}

// hold keeps a conflict. The same conflict again changes nothing.
func (t *Tx) hold(ctx context.Context, row *attachmentRow) (Attachment, error) {
	old, err := held.get(ctx, t, held.key(row))
	if err != nil {
		return Attachment{}, err
	}
	if old != nil && old.same(row.Point) && old.Supplier == row.Supplier && old.Grid == row.Grid && old.Reason == row.Reason {
		return old.noun()
	}
	return row.Attachment, held.put(t, old, row)
}

// openAttachment opens an attachment, and settles a conflict of the same device.
func (t *Tx) openAttachment(ctx context.Context, row *attachmentRow, d Distributor) error {
	waiting, err := held.get(ctx, t, held.key(row))
	if err != nil {
		return err
	}
	if waiting != nil {
		held.delete(t, waiting)
	}
	if err := t.meet(ctx, row.Point, d); err != nil {
		return err
	}
	return attachments.put(t, nil, row)
}

// closeAttachment ends an active attachment and keeps it as history.
func (t *Tx) closeAttachment(active *attachmentRow, now time.Time) error {
	closed := *active
	closed.State, closed.To = StateDetached, now
	return attachments.put(t, active, &closed)
}

// Detach closes the active attachment of a device and returns it, or drops the held one; ErrNotFound without either.
// The next message of the device decides anew.
func (r *Registry) Detach(ctx context.Context, device string) (Attachment, error) {
	var a Attachment
	err := r.run(ctx, func(t *Tx) error {
		return t.view(ctx, func() error {
			waiting, err := held.get(ctx, t, keyOf("held").text(device))
			if err != nil {
				return err
			}
			if waiting != nil {
				held.delete(t, waiting)
			}
			active, err := t.activeOf(ctx, device)
			if err != nil {
				return err
			}
			switch {
			case active != nil:
				now := r.now()
				if a, err = active.noun(); err != nil {
					return err
				}
				a.State, a.To = StateDetached, now
				return t.closeAttachment(active, now)
			case waiting != nil:
				a, err = waiting.noun()
				return err
			}
			return ErrNotFound
		})
	})
	if err != nil {
		return Attachment{}, fmt.Errorf("detaching device %q: %w", device, err)
	}
	return a, nil
}
