package thingsboard_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/gridtie/gridtie/connectors/devices/coapserver/message"
	"github.com/gridtie/gridtie/registry"
)

// TestP17_QuotaAtProvisioning: a device too many is told FAILURE, whatever it speaks, as any other that cannot be made
// (ThingsBoard's device quota); one that is there gets its answer again.
func TestP17_QuotaAtProvisioning(t *testing.T) {
	t.Parallel()
	h := build(t)
	w, p := openSite(h), openPort(h)
	h.limit(func(l *registry.ProfileLimits) { l.Devices = 1 })
	w.want("POST", "/api/v1/provision", request(`,"deviceName":"meter-1","token":"T"`), http.StatusOK,
		`{"credentialsValue":"T","credentialsType":"ACCESS_TOKEN","status":"SUCCESS"}`)
	w.want("POST", "/api/v1/provision", request(`,"deviceName":"meter-2"`), http.StatusOK, failure)
	p.meter().want(message.POST, "/api/v1/provision", request(`,"deviceName":"meter-2"`), badRequest, failure)
	c := h.provisioning()
	c.post("/provision/request", request(`,"deviceName":"meter-2"`))
	c.wantMessage("/provision/response", failure, 1)
	c.post("/provision/request", request(`,"deviceName":"meter-1","token":"T"`)) // it asks again
	c.wantMessage("/provision/response", `{"credentialsValue":"T","credentialsType":"ACCESS_TOKEN","status":"SUCCESS"}`, 1)
	h.wantNone("meter-2")
	if !h.log.holds(`"event":"device_quota_met"`) {
		t.Error("the refusal was not logged")
	}
	d, _ := h.named("meter-1")
	must(t, h.registry.DeleteDevice(context.Background(), d.ID))
	c.post("/provision/request", request(`,"deviceName":"meter-2","token":"T2"`))
	c.wantMessage("/provision/response", `{"credentialsValue":"T2","credentialsType":"ACCESS_TOKEN","status":"SUCCESS"}`, 1)
}
