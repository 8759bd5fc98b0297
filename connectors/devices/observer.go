package devices

import "github.com/gridtie/gridtie/connectors/intake"

// Observer counts what devices do. Its methods are called concurrently and must not block.
type Observer interface {
	// LoggedIn counts attempts to authenticate.
	LoggedIn(Login)
	// Provisioned counts the answers to provisioning requests.
	Provisioned(Status)
	// BadPayload counts payloads that were refused before they became messages.
	BadPayload(intake.Reason)
	// Ended counts sessions that were ended from this side.
	Ended(Reason)
	// TurnedAway counts devices that a gateway named and may not speak for.
	TurnedAway(Turned)
	// Limited counts messages that were not let through.
	Limited(Limited)
	// OverQuota counts devices that were not made because there are too many.
	OverQuota(Quota)
}

// Login is how an attempt to authenticate ended: a closed set, fit for a metric label.
type Login string

// How an attempt to authenticate may end.
const (
	LoginAccepted    Login = "accepted"
	LoginRefused     Login = "refused"     // wrong user name, password or token
	LoginIdentifier  Login = "identifier"  // a client identifier that nobody has, and nothing else
	LoginEmpty       Login = "empty"       // no credentials, or a bad certificate
	LoginUnavailable Login = "unavailable" // the registry could not be asked
	// Not looked at: too many wrong secrets came from the address, or for the name from the address.
	LoginThrottledAddress Login = "throttled-address"
	LoginThrottledName    Login = "throttled-name"
)

type unobserved struct{}

func (unobserved) LoggedIn(Login)           {}
func (unobserved) Provisioned(Status)       {}
func (unobserved) BadPayload(intake.Reason) {}
func (unobserved) Ended(Reason)             {}
func (unobserved) TurnedAway(Turned)        {}
func (unobserved) Limited(Limited)          {}
func (unobserved) OverQuota(Quota)          {}
