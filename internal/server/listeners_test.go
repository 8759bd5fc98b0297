package server_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"github.com/gridtie/gridtie/internal/server"
)

// named is the name in the certificate that an address shows.
func named(t *testing.T, address string) string {
	t.Helper()
	c, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	return c.ConnectionState().PeerCertificates[0].Subject.CommonName
}

func TestMQTTOverTLS(t *testing.T) {
	t.Parallel()
	cert, key := certificate(t, t.TempDir(), "gridtie.test")
	s := start(t, server.Options{Data: t.TempDir(), MQTTS: "127.0.0.1:0", CertificateFile: cert, CertificateKeyFile: key})
	roots := x509.NewCertPool()
	text, err := os.ReadFile(cert)
	if err != nil || !roots.AppendCertsFromPEM(text) {
		t.Fatal("reading the certificate", err)
	}
	c := paho.NewClient(paho.NewClientOptions().AddBroker("ssl://" + s.Addresses()["mqtts"]).SetUsername("provision").
		SetTLSConfig(&tls.Config{RootCAs: roots, ServerName: "gridtie.test", MinVersion: tls.VersionTLS12}).SetConnectRetry(false))
	connected := c.Connect()
	if !connected.WaitTimeout(20*time.Second) || connected.Error() != nil {
		t.Fatalf("connecting: %v", connected.Error())
	}
	c.Disconnect(0)
}

func TestCertificateIsReadAgain(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	var ahead atomic.Int64 // of the clock
	cert, key := certificate(t, folder, "first.test")
	s := start(t, server.Options{
		Data: t.TempDir(), MQTTS: "127.0.0.1:0", CertificateFile: cert, CertificateKeyFile: key,
		Clock: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) },
	})
	later := time.Now()
	renew := func(write func()) string {
		write()
		later = later.Add(time.Second) // file systems may not tell two moments apart
		for _, file := range []string{cert, key} {
			if err := os.Chtimes(file, later, later); err != nil {
				t.Fatal(err)
			}
		}
		ahead.Add(int64(time.Minute))
		return named(t, s.Addresses()["mqtts"])
	}
	for _, step := range []struct {
		what, want string
		write      func()
	}{
		{"as it is", "first.test", func() {}},
		{"renewed", "second.test", func() { certificate(t, folder, "second.test") }},
		{"broken", "second.test", func() {
			if err := os.WriteFile(cert, []byte("no PEM"), 0o600); err != nil {
				t.Fatal(err)
			}
		}},
		{"mended", "third.test", func() { certificate(t, folder, "third.test") }},
	} {
		if got := renew(step.write); got != step.want {
			t.Errorf("%s: got %s, want %s", step.what, got, step.want)
		}
	}
}

func TestUnusableCertificate(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	cert, key := certificate(t, folder, "gridtie.test")
	other := t.TempDir()
	_, otherKey := certificate(t, other, "other.test")
	for _, c := range []struct{ name, cert, key, want string }{
		{"none", "", "", "opening mqtts: there is no certificate"},
		{"no key", cert, "", "opening mqtts: there is no certificate"},
		{"no such file", filepath.Join(folder, "absent.pem"), key, "absent.pem"},
		{"another's key", cert, otherKey, "private key does not match"},
	} {
		_, err := server.Open(t.Context(), server.Options{
			Data: t.TempDir(), MQTTS: "127.0.0.1:0", CertificateFile: c.cert, CertificateKeyFile: c.key,
		})
		var hinted interface{ Hint() string }
		if err == nil || !strings.Contains(err.Error(), c.want) || !errors.As(err, &hinted) || !server.Misconfigured(err) {
			t.Errorf("%s: got %v, want %q with a hint", c.name, err, c.want)
		}
	}
}

// TestSilentTLSClient keeps a client that never shakes hands from holding the server up.
func TestSilentTLSClient(t *testing.T) {
	t.Parallel()
	cert, key := certificate(t, t.TempDir(), "gridtie.test")
	s := start(t, server.Options{Data: t.TempDir(), MQTTS: "127.0.0.1:0", CertificateFile: cert, CertificateKeyFile: key})
	silent, err := net.Dial("tcp", s.Addresses()["mqtts"])
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	if got := named(t, s.Addresses()["mqtts"]); got != "gridtie.test" {
		t.Errorf("beside it: got %s", got)
	}
	if err := s.stop(); err != nil {
		t.Errorf("stopping: %v", err)
	}
}

// TestHTTPDevice: a meter over HTTP and HTTPS, from provisioning to its attachment's outcome.
func TestHTTPDevice(t *testing.T) {
	t.Parallel()
	cert, key := certificate(t, t.TempDir(), "gridtie.test")
	s := start(t, server.Options{
		Data: t.TempDir(), HTTP: "127.0.0.1:0", HTTPS: "127.0.0.1:0", CertificateFile: cert, CertificateKeyFile: key,
	})
	provisioningKey, provisioningSecret, err := s.Registry().RevealProfile(t.Context(), server.FirstProfile)
	if err != nil {
		t.Fatal(err)
	}
	for name, base := range map[string]string{"http": "http://" + s.Addresses()["http"], "https": "https://" + s.Addresses()["https"]} {
		c := &http.Client{Transport: &http.Transport{
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		}}
		t.Cleanup(c.CloseIdleConnections)
		post := func(path, body string) string {
			res, err := c.Post(base+path, "application/json", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = res.Body.Close() }()
			text, err := io.ReadAll(res.Body)
			if err != nil || res.StatusCode != http.StatusOK {
				t.Fatalf("%s %s: got %d %s %v", name, path, res.StatusCode, text, err)
			}
			return string(text)
		}
		var given struct{ CredentialsValue, Status string }
		answer := post("/api/v1/provision", fmt.Sprintf(`{"deviceName":%q,"provisionDeviceKey":%q,"provisionDeviceSecret":%q}`,
			name, provisioningKey.Reveal(), provisioningSecret.Reveal()))
		if err := json.Unmarshal([]byte(answer), &given); err != nil || given.Status != "SUCCESS" {
			t.Fatalf("%s: got %s %v", name, answer, err)
		}
		post("/api/v1/"+given.CredentialsValue+"/attributes", `{"supplierKey":"unknown","CUPS":"ES0021000000000001RK"}`)
		res, err := c.Get(base + "/api/v1/" + given.CredentialsValue + "/attributes?sharedKeys=attachment")
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if !strings.Contains(string(text), `"outcome":"KEY_REFUSED"`) {
			t.Errorf("%s: got %s, want the outcome as soon as the post is answered", name, text)
		}
	}
}

// TestHTTPPollEndsWithTheServer: a poll does not hold the server up.
func TestHTTPPollEndsWithTheServer(t *testing.T) {
	t.Parallel()
	s := start(t, server.Options{Data: t.TempDir(), HTTP: "127.0.0.1:0"})
	addMeter(t, s, "meter-1", "T")
	status := make(chan int, 1)
	go func() {
		res, err := http.Get("http://" + s.Addresses()["http"] + "/api/v1/T/rpc")
		if err != nil {
			status <- 0
			return
		}
		_ = res.Body.Close()
		status <- res.StatusCode
	}()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		if _, text := s.get(t, "/metrics"); strings.Contains(text, "gridtie_devices_waiting 1\n") {
			break
		}
		if time.Now().After(end) {
			t.Fatal("no poll came")
		}
	}
	if err := s.stop(); err != nil {
		t.Errorf("stopping: %v", err)
	}
	if got := <-status; got != http.StatusServiceUnavailable {
		t.Errorf("the poll: got %d, want 503", got)
	}
}
