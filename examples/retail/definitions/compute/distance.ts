/**
 * How far a restaurant is from where a customer stands: the great circle between two places in degrees, by the
 * haversine formula (Sinnott 1984, Sky and Telescope 68:159), which loses no digits where they are close.
 */

/** Mean radius of the Earth (IUGG). */
const EARTH_KM = 6371.0088;
const RADIANS = Math.PI / 180;

interface Places {
  readonly lat: number;
  readonly lon: number;
  /** The restaurant's; null where it is not known. */
  readonly place__lat: number | null;
  readonly place__lon: number | null;
}

export default ({ lat, lon, place__lat, place__lon }: Places) => ({
  distance_km:
    place__lat === null || place__lon === null ? null : haversineKm(lat, lon, place__lat, place__lon),
});

function haversineKm(lat1: number, lon1: number, lat2: number, lon2: number): number {
  const north = Math.sin(((lat2 - lat1) * RADIANS) / 2);
  const east = Math.sin(((lon2 - lon1) * RADIANS) / 2);
  const h = north * north + Math.cos(lat1 * RADIANS) * Math.cos(lat2 * RADIANS) * east * east;
  // Rounding takes h past 1 where the places are opposite.
  return 2 * EARTH_KM * Math.asin(Math.sqrt(Math.min(1, h)));
}
