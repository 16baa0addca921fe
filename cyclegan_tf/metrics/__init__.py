"""FID, KID, MiFID, precision and recall, and the Inception features they need."""
