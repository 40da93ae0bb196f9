"""Parts of bundles: the manifest whose digest is the bundle's, its layout on disk, its tar, differences."""
