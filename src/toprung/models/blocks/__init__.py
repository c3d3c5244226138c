"""Parts of networks that timm lacks, one per file."""
