package intake_test

import (
	"strings"
	"testing"

	"github.com/gridtie/gridtie/connectors/intake"
)

func TestFields(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, payload string
		text          string // "" for not checked
		key           string // "" for absent
		cups          string // "" for absent
	}{
		{
			"as a POSIX shell sends it", `{Power_supplier_secret_key: 000712, CUPS: ` + cups + `}`,
			`{"Power_supplier_secret_key":"***","CUPS":"` + cups + `"}`, "000712", cups,
		},
		{"supplierKey", `{"supplierKey":"k-1"}`, `{"supplierKey":"***"}`, "k-1", ""},
		{"supplier_key", `{"supplier_key":"k-1"}`, `{"supplier_key":"***"}`, "k-1", ""},
		{"Power_supplier_secret_key", `{"Power_supplier_secret_key":"k-1"}`, "", "k-1", ""},
		{"Power_suppier_secret_key", `{"Power_suppier_secret_key":"k-1"}`, "", "k-1", ""},
		{"powerSupplierSecretKey", `{"powerSupplierSecretKey":"k-1"}`, "", "k-1", ""},
		{"upper case", `{"SUPPLIERKEY":"k-1"}`, `{"SUPPLIERKEY":"***"}`, "k-1", ""},
		{"mixed case", `{"POWER_suppier_Secret_KEY":"k-1"}`, "", "k-1", ""},
		{"Kelvin sign folds to k", `{"supplier` + "\u212a" + `ey":"k-1"}`, "", "k-1", ""},
		{"escaped name", `{"supplier\u004bey":"k-1"}`, `{"supplierKey":"***"}`, "k-1", ""},
		{"single quotes", `{'supplierKey':'k-1'}`, "", "k-1", ""},
		{"CUPS", `{"CUPS":"` + cups + `"}`, "", "", cups},
		{"CUPs", `{"CUPs":"` + cups + `"}`, `{"CUPs":"` + cups + `"}`, "", cups},
		{"cups", `{"cups":"` + cups + `"}`, "", "", cups},
		{"cUpS", `{"cUpS":"` + cups + `"}`, "", "", cups},
		{"close but not it", `{"supplierKeys":"k-1","cup":"x","supplier-key":"y"}`, `{"supplierKeys":"k-1","cup":"x","supplier-key":"y"}`, "", ""},
		{"leading zeros unquoted", `{supplierKey:000712}`, "", "000712", ""},
		{"leading zeros quoted", `{"supplierKey":"000712"}`, "", "000712", ""},
		{"number", `{"supplierKey":712}`, "", "712", ""},
		{"number with exponent", `{"supplierKey":1e3}`, "", "1e3", ""},
		{"number with zeros at the end", `{"supplierKey":1.50}`, "", "1.50", ""},
		{"long number", `{"supplierKey":12345678901234567890123}`, "", "12345678901234567890123", ""},
		{"supply point of digits", `{"cups":0021000000000001}`, `{"cups":"0021000000000001"}`, "", "0021000000000001"},
		{"supply point as number", `{"CUPS":21000000000001}`, `{"CUPS":"21000000000001"}`, "", "21000000000001"},
		{"white space around", `{"supplierKey":"\t k 1 \n","CUPS":"  ` + cups + `\u00a0"}`, `{"supplierKey":"***","CUPS":"` + cups + `"}`, "k 1", cups},
		{"white space inside and case stay", `{"cups":"es 0021"}`, `{"cups":"es 0021"}`, "", "es 0021"},
		{"quotes and escapes", `{"supplierKey":"a\"b\\c\u00e9"}`, `{"supplierKey":"***"}`, `a"b\cé`, ""},
		{"null", `{"supplierKey":null,"CUPS":null}`, `{}`, "", ""},
		{"null and value", `{"supplierKey":null,"supplier_key":"k-1"}`, `{"supplier_key":"***"}`, "k-1", ""},
		{"blank", `{"supplierKey":"  ","CUPS":""}`, `{"supplierKey":"","CUPS":""}`, "", ""},
		{"blank and value", `{"supplierKey":"","supplier_key":"k-1"}`, `{"supplierKey":"","supplier_key":"***"}`, "k-1", ""},
		{"value and blank", `{"supplier_key":"k-1","supplierKey":""}`, `{"supplier_key":"***","supplierKey":""}`, "k-1", ""},
		{"twice the same", `{"supplierKey":"k-1","supplier_key":" k-1 ","CUPS":"x","cups":"x "}`, `{"supplierKey":"***","supplier_key":"***","CUPS":"x","cups":"x"}`, "k-1", "x"},
		{"number and string the same", `{"supplierKey":712,"supplier_key":"712"}`, `{"supplierKey":"***","supplier_key":"***"}`, "712", ""},
		{"not at the top", `{"a":{"CUPS":"x"}}`, `{"a":{"CUPS":"x"}}`, "", ""},
		{"stars", `{"supplierKey":"***"}`, `{"supplierKey":"***"}`, "***", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			in, key := newIntake(t)
			data, err := in.Object([]byte(c.payload), meters())
			if err != nil {
				t.Fatal(err)
			}
			strict(t, data.Text())
			if c.text != "" && data.Text() != c.text {
				t.Errorf("text is %s, want %s", data.Text(), c.text)
			}
			digest, ok := data.Digest("supplierKey")
			if ok != (c.key != "") || ok && digest != key.Digest(c.key) {
				t.Errorf("digest present %v, and is not that of %q", ok, c.key)
			}
			if got, _ := data.Field("cups"); c.cups != "" && got != c.cups {
				t.Errorf("cups is %v, want %q", got, c.cups)
			}
			if got, _ := data.Field("cups"); c.cups == "" && got != nil && got != "" {
				t.Errorf("cups is %v, want none", got)
			}
		})
	}
}

func TestFieldRefusals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, payload string
		want          intake.Reason
		pointer       string
	}{
		{"two keys", `{"supplierKey":"k-one","supplier_key":"k-two"}`, intake.FieldConflict, "/supplier_key"},
		{"leading zeros differ", `{"supplierKey":712,"supplier_key":"0712"}`, intake.FieldConflict, "/supplier_key"},
		{"two supply points", `{"CUPS":"` + cups + `","cups":"` + other + `"}`, intake.FieldConflict, "/cups"},
		{"key in an object", `{"supplierKey":{"a":"k-one"}}`, intake.BadField, "/supplierKey"},
		{"key in an array", `{"supplier_key":["k-one"]}`, intake.BadField, "/supplier_key"},
		{"key is true", `{"supplierKey":true}`, intake.BadField, "/supplierKey"},
		{"supply point is an array", `{"CUPS":[]}`, intake.BadField, "/CUPS"},
		{"supply point is false", `{"CUPS":FALSE}`, intake.BadField, "/CUPS"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := object(t, meters(), c.payload)
			if got := reason(t, err); got != c.want {
				t.Fatalf("got %q, want %q: %v", got, c.want, err)
			}
			if got := err.(*intake.BadPayload).Pointer; got != c.pointer {
				t.Errorf("pointer is %q, want %q", got, c.pointer)
			}
			for _, value := range []string{"k-one", "k-two", cups, other, "712"} {
				if strings.Contains(err.Error(), value) {
					t.Errorf("the error shows a value: %v", err)
				}
			}
		})
	}
}

func TestPointers(t *testing.T) {
	t.Parallel()
	shape := intake.Shape{CastStrings: true, Fields: []intake.Field{
		{Name: "supplierKey", Secret: true, Aliases: []string{"/auth/key", "/list/1", "/a~1b/~0", "/top", "k"}},
		{Name: "cups", Aliases: []string{"/meter/points/0/id", "/meter/id"}},
	}}
	for _, c := range []struct {
		name, payload, text, key, cups string
		refused                        intake.Reason
	}{
		{"object", `{"auth":{"key":007},"meter":{"id":12}}`, `{"auth":{"key":"***"},"meter":{"id":"12"}}`, "007", "12", ""},
		{"array", `{"list":["x","y","z"]}`, `{"list":["x","***","z"]}`, "y", "", ""},
		{"array in between", `{"meter":{"points":[{"id":"p"},{"id":"q"}]}}`, `{"meter":{"points":[{"id":"p"},{"id":"q"}]}}`, "", "p", ""},
		{"escaped steps", `{"a/b":{"~":"y"}}`, `{"a/b":{"~":"***"}}`, "y", "", ""},
		{"top level", `{"top":"y"}`, `{"top":"***"}`, "y", "", ""},
		{"case counts", `{"auth":{"KEY":"y"},"TOP":"y"}`, `{"auth":{"KEY":"y"},"TOP":"y"}`, "", "", ""},
		{"deeper", `{"x":{"auth":{"key":"y"}},"auth":{"key2":{"key":"z"}}}`, `{"x":{"auth":{"key":"y"}},"auth":{"key2":{"key":"z"}}}`, "", "", ""},
		{"name and pointer the same", `{"k":"y","auth":{"key":"y"}}`, `{"k":"***","auth":{"key":"***"}}`, "y", "", ""},
		{"name and pointer differ", `{"k":"y","auth":{"key":"z"}}`, "", "", "", intake.FieldConflict},
		{"null", `{"auth":{"key":null}}`, `{"auth":{"key":null}}`, "", "", ""},
		{"object at a pointer", `{"auth":{"key":{}}}`, "", "", "", intake.BadField},
		{"boolean at a pointer", `{"meter":{"id":true}}`, "", "", "", intake.BadField},
		{"array at a top-level pointer", `{"top":[1]}`, "", "", "", intake.BadField},
		{"canonical name, not listed", `{"SupplierKey":"y"}`, `{"SupplierKey":"***"}`, "y", "", ""},
		{"object under an unlisted canonical name", `{"cups":{"a":"1"}}`, `{"cups":{"a":"1"}}`, "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			in, key := newIntake(t)
			data, err := in.Object([]byte(c.payload), shape)
			if got := reason(t, err); got != c.refused {
				t.Fatalf("got %q, want %q: %v", got, c.refused, err)
			}
			if err != nil {
				return
			}
			if data.Text() != c.text {
				t.Errorf("text is %s, want %s", data.Text(), c.text)
			}
			digest, ok := data.Digest("supplierKey")
			if ok != (c.key != "") || ok && digest != key.Digest(c.key) {
				t.Errorf("digest present %v, and is not that of %q", ok, c.key)
			}
			if got, _ := data.Field("cups"); c.cups != "" && got != c.cups {
				t.Errorf("cups is %v, want %q", got, c.cups)
			}
		})
	}
}

// An alias that is empty names the member whose name is empty; one that begins with "/" is never a name.
func TestOddAliases(t *testing.T) {
	t.Parallel()
	shape := intake.Shape{Fields: []intake.Field{{Name: "cups", Aliases: []string{"", "/x"}}}}
	data, err := object(t, shape, `{"":12,"/x":13}`)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := data.Text(), `{"":"12","/x":13}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, _ := data.Field("cups"); got != "12" {
		t.Errorf("cups is %v, want 12", got)
	}
}

// A name that two fields claim belongs to the secret one, whatever the order.
func TestSecretFieldFirst(t *testing.T) {
	t.Parallel()
	for _, secretFirst := range []bool{true, false} {
		fields := []intake.Field{
			{Name: "note", Aliases: []string{"x", "/y/z"}},
			{Name: "supplierKey", Secret: true, Aliases: []string{"X", "/y/z"}},
		}
		if secretFirst {
			fields[0], fields[1] = fields[1], fields[0]
		}
		data, err := object(t, intake.Shape{Fields: fields}, `{"x":"clear","y":{"z":"clear"}}`)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(data.Text(), "clear") {
			t.Errorf("the key is in the text: %s", data.Text())
		}
	}
}
