package server_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/internal/server"
	"github.com/gridtie/gridtie/registry"
)

// addMeter makes a device that is let in by a token.
func addMeter(t *testing.T, s *running, name, token string) {
	t.Helper()
	_, _, err := s.Registry().AddDevice(t.Context(), registry.Device{Name: name, Profile: server.FirstProfile},
		registry.Credentials{Type: registry.AccessToken, Token: secret.NewText(token)})
	must(t, err)
}

// connectMQTT is meterOver TCP.
func connectMQTT(t *testing.T, s *running, user string) paho.Client {
	t.Helper()
	return meterOver(t, "tcp://"+s.Addresses()["mqtt"], user)
}

// meterOver is a client of MQTT 3.1.1, until the test ends.
func meterOver(t *testing.T, url, user string, shown ...tls.Certificate) paho.Client {
	t.Helper()
	c := paho.NewClient(paho.NewClientOptions().AddBroker(url).SetUsername(user).SetProtocolVersion(4).SetAutoReconnect(false).
		SetConnectTimeout(limit).SetTLSConfig(&tls.Config{InsecureSkipVerify: true, Certificates: shown}))
	settled(t, c.Connect())
	t.Cleanup(func() { c.Disconnect(0) })
	return c
}

// settled waits until what the client does has come to a good end.
func settled(t *testing.T, token paho.Token) {
	t.Helper()
	if !token.WaitTimeout(limit) || token.Error() != nil {
		t.Fatalf("MQTT: %v", token.Error())
	}
}

// certificate writes a certificate that signs itself, and its key, into a folder.
func certificate(t testing.TB, folder, name string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	what := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, what, what, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	privateDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	write := func(file, kind string, der []byte) string {
		file = filepath.Join(folder, file)
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	return write("server.pem", "CERTIFICATE", der), write("server-key.pem", "PRIVATE KEY", privateDER)
}
