"""What a month of a stack costs: resources of a plan, prices of a dated table, assumptions on usage."""
