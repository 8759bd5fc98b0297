package registry

// Entity is a device as chains are shown it: the data of ENTITY_CREATED, in the form of ThingsBoard's Device as far as there is
// something to say.
type Entity struct {
	ID             EntityID   `json:"id"`
	CreatedTime    int64      `json:"createdTime"` // ms since 1970
	Name           string     `json:"name"`
	Type           string     `json:"type"` // profile
	AdditionalInfo EntityInfo `json:"additionalInfo"`
}

// EntityID is an id and what it is the id of.
type EntityID struct {
	EntityType string `json:"entityType"` // DEVICE
	ID         string `json:"id"`
}

// EntityInfo is what ThingsBoard keeps beside the rest.
type EntityInfo struct {
	Gateway bool `json:"gateway"`
}

// Entity is the device as chains are shown it.
func (d *Device) Entity() Entity {
	return Entity{
		ID: EntityID{"DEVICE", d.ID}, CreatedTime: d.Created.UnixMilli(), Name: d.Name, Type: d.Profile,
		AdditionalInfo: EntityInfo{d.Gateway},
	}
}
