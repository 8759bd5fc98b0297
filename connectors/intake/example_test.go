package intake_test

import (
	"errors"
	"fmt"

	"github.com/gridtie/gridtie/connectors/intake"
	"github.com/gridtie/gridtie/engine/secret"
)

func Example() {
	in := intake.New(intake.Options{Digest: secret.NewKey().Digest})
	shape := intake.Shape{CastStrings: true, Fields: []intake.Field{
		{Name: "supplierKey", Aliases: []string{"Power_supplier_secret_key"}, Secret: true},
		{Name: "cups", Aliases: []string{"CUPS"}},
	}}

	data, err := in.Object([]byte(`{Power_supplier_secret_key: 000712, CUPS: ES0021000000000001RK, power: "3.450"}`), shape)
	if err != nil {
		fmt.Println(err)
		return
	}
	cups, _ := data.Field("cups")
	key, _ := data.Field("supplierKey")
	fmt.Println(data.Text())
	fmt.Println(cups, key)

	_, err = in.Object([]byte(`{"CUPS": "ES0021000000000001RK", "power": }`), shape)
	var bad *intake.BadPayload
	if errors.As(err, &bad) {
		fmt.Println(bad.Reason, bad.Pointer)
	}
	fmt.Println(err)
	// Output:
	// {"Power_supplier_secret_key":"***","CUPS":"ES0021000000000001RK","power":3.45}
	// ES0021000000000001RK ***
	// missing_value /power
	// reading payload: line 1, column 43 ("/power"): value missing; write a value after the ":", or null
}
